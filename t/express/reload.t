# --reload-on-changes restarts gracefully when the application, the configuration or the
# module change, and says what; a configuration with an error leaves the server as it is, and
# the error is said. By inotify and without it, in the foreground and in the background. What
# others write beside the application is no change.
use strict;
use warnings;
use File::Copy qw(copy move);
use Test::More;
use Playcount::Express;
use Playcount::Server;

plan skip_all => 'libapache2-mod-wsgi-py3 is not installed'
    unless -e Playcount::Server::modules_dir() . '/mod_wsgi.so';

my $has_inotify = eval { require Linux::Inotify2 };

# An application of two files, and a file to include.
sub prepare
{
    my ($express) = @_;
    my $dir = $express->temp . '/app';
    mkdir $dir or die $!;
    Playcount::Server::spew("$dir/app.wsgi", <<'EOF');
import words
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [words.WORD.encode()]
EOF
    Playcount::Server::spew("$dir/words.py", "WORD = 'first'\n");
    Playcount::Server::spew($express->temp . '/more.conf', "# nothing\n");
    return ('--songs', '1k', '--processes', 2, '--wsgi', "$dir/app.wsgi", '--include-file',
        $express->temp . '/more.conf', '--reload-on-changes');
}

sub said_times
{
    my ($path, $pattern) = @_;
    return scalar(() = Playcount::Server::slurp($path) =~ /$pattern/g);
}

# As editors do: another file takes the name.
sub replace_file
{
    my ($path, $text) = @_;
    Playcount::Server::spew("$path.tmp", $text);
    rename "$path.tmp", $path or die $!;
}

sub becomes
{
    my ($express, $path, $content, $what) = @_;
    ok Playcount::Server::wait_until($what, sub {
        return ($express->get($path)->{content} // '') =~ /^$content/;
    }), $what;
}

sub says
{
    my ($output, $pattern, $times, $what) = @_;
    ok Playcount::Server::wait_until($what, sub { said_times($output, $pattern) >= $times }), $what;
}

sub reloads
{
    my ($express, $output, $how) = @_;
    my $dir = $express->temp . '/app';
    my $more = $express->temp . '/more.conf';

    becomes($express, '/', 'first', "$how: it serves");
    is $express->post('/plays/song/1')->{content}, '1', 'and counts';

    replace_file("$dir/words.py", "WORD = 'second'\n");
    becomes($express, '/', 'second', 'a module of the application is changed');
    says($output, qr/^Restarted\.$/m, 1, 'which is said');
    is said_times($output, qr/^Changed: words\.py\. Restarting gracefully\.$/m), 1, 'with its name';

    return if $how eq 'without inotify';

    Playcount::Server::spew("$dir/$_", 'x') for 'a.log', 'data.sqlite3', '.hidden', 'words.py~';
    replace_file($more, "NoSuchDirective\n");
    says($output, qr/Invalid command 'NoSuchDirective'/, 1, 'an error in an included file is said');
    is said_times($output, qr/has an error, the server goes on as it was:$/m), 1, 'in a sentence';
    is $express->get('/')->{content}, 'second', 'and the server goes on';

    replace_file($more, "Redirect gone /old\n");
    says($output, qr/^Restarted\.$/m, 2, 'the error is repaired');
    becomes($express, '/old', '(?s).*410 Gone', 'and the new configuration in force');

    mkdir "$dir/package" or die $!;
    Playcount::Server::spew("$dir/package/new.py", "WORD = 'third'\n");
    says($output, qr/^Restarted\.$/m, 3, 'a new file in a new directory');
    replace_file("$dir/app.wsgi",
        Playcount::Server::slurp("$dir/app.wsgi") =~ s/import words/import package.new as words/r);
    says($output, qr/^Restarted\.$/m, 4, 'the script itself is changed');
    becomes($express, '/', 'third', 'and in force');
    is $express->post('/plays/song/1')->{content}, '2', 'no play is lost';
    is said_times($output, qr/^Changed: .*(a\.log|sqlite3|hidden|~)/m), 0,
        'logs, data and what editors leave are no changes';
}

sub in_foreground
{
    my ($how) = @_;
    my $express = Playcount::Express->new;
    my $output = $express->temp . '/said';
    my $pid = $express->spawn($output, $express->command('start-server', prepare($express)));
    reloads($express, $output, $how);
    kill 'INT', $pid;
    waitpid $pid, 0;
    is $?, 0, 'Ctrl-C stops it';
    is said_times($output, qr/^Stopped\.\n\z/m), 1, 'and that is the end';
}

SKIP: {
    skip 'liblinux-inotify2-perl is not installed', 18 unless $has_inotify;
    in_foreground('by inotify');
}
{
    local $ENV{PLAYCOUNT_EXPRESS_POLL} = 1;
    in_foreground('without inotify');
}

# In the background, with a copy of the module that is replaced, and replaced by nonsense.
my $express = Playcount::Express->new;
my @options = prepare($express);
my $module = $express->temp . '/mod_playcount.so';
my $log = $express->root . '/logs/reload_log';
my $built = Playcount::Express::program() =~ s{[^/]+$}{build/.libs/mod_playcount.so}r;
copy($built, $module) or die $!;
my ($status, $output);
{
    local $ENV{PLAYCOUNT_MODULE} = $module;
    ($status, $output) = $express->run('start-server', '--background', @options);
}
is $status, 0, 'in the background' or diag $output;
reloads($express, $log, 'in the background');
Playcount::Server::spew("$module.new", 'no module');
rename "$module.new", $module or die $!;
says($log, qr/has an error, the server goes on/, 2, 'a module that cannot be loaded is said');
is $express->post('/plays/song/1')->{content}, '3', 'and the server goes on';
copy($built, "$module.new") && rename "$module.new", $module or die $!;
says($log, qr/^Restarted\.$/m, 5, 'the module is replaced');
is $express->post('/plays/song/1')->{content}, '4', 'with the counts';
($status) = $express->run('stop');
is $status, 0, 'stop';
ok Playcount::Server::wait_until('the watcher has ended', sub {
    return !grep { Playcount::Server::slurp("/proc/$_->{pid}/cmdline") =~ /\Q${\ $express->root}\E/ }
        Playcount::Server::processes();
}), 'ends the watcher, too';

# As a daemon: the application's processes are others then, httpd's are the same, and no
# request fails.
my $daemon = Playcount::Express->new;
$log = $daemon->root . '/logs/reload_log';
($status, $output) = $daemon->run('start-server', '--background', prepare($daemon), '--wsgi-processes', 2);
is $status, 0, 'as a daemon' or diag $output;
becomes($daemon, '/', 'first', 'it serves');

sub processes_of_httpd
{
    my $parent = Playcount::Server::slurp($daemon->root . '/run/httpd.pid') + 0;
    # Both of them: one of the application has its name a moment after it has begun.
    return join ' ', sort @{ Playcount::Server::wait_until('two children of httpd', sub {
        my @pids = map { $_->{pid} } grep { $_->{parent} == $parent
                && Playcount::Server::slurp("/proc/$_->{pid}/cmdline") !~ /^\(wsgi/ } Playcount::Server::processes();
        return @pids == 2 && \@pids;
    }) };
}
my $same = processes_of_httpd();
replace_file($daemon->temp . '/app/words.py', "WORD = 'second'\n");
my %answers;
Playcount::Server::wait_until('the new application', sub {
    my $answer = $daemon->get('/');
    $answers{ $answer->{status} }++;
    return $answer->{content} eq 'second';
});
is join(' ', keys %answers), '200', 'while its processes change no request fails';
says($log, qr/^Restarted\.$/m, 1, 'it is said');
is processes_of_httpd(), $same, "httpd's processes are the same";
replace_file($daemon->temp . '/more.conf', "Redirect gone /old\n");
says($log, qr/^Restarted\.$/m, 2, 'a change of the configuration');
becomes($daemon, '/old', '(?s).*410 Gone', 'is in force');

my $debug = Playcount::Express->new;
my $said = $debug->temp . '/said';
my $pid = $debug->spawn($said, $debug->command('start-server', '--debug-mode', prepare($debug)));
becomes($debug, '/', 'first', '--debug-mode');
like Playcount::Server::slurp($said), qr/^It will not reload on changes/m, 'does not reload, and says so';
kill 'INT', $pid;
waitpid $pid, 0;

done_testing;
