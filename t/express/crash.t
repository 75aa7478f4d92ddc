# A child that crashes leaves what its threads were doing in the log, and another takes its
# place. --debugger runs the one process of --debug-mode under gdb.
use strict;
use warnings;
use Test::More;
use Playcount::Express;
use Playcount::Metrics;
use Playcount::Terminal;

my ($gdb) = grep { -x } map { "$_/gdb" } split /:/, $ENV{PATH};
plan skip_all => 'there is no gdb' unless $gdb;
my $express = Playcount::Express->new;
my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
    '--processes', 2, '--threads', 4);
is $status, 0, 'it starts' or diag $output;
my $path = $express->root . '/logs/error_log';
my $parent = Playcount::Server::slurp($express->root . '/run/httpd.pid') + 0;
my @children = map { $_->{pid} } grep { $_->{parent} == $parent } Playcount::Server::processes();
is scalar(@children), 2, 'with two children';

kill 'SEGV', $children[0];
my $log;
Playcount::Server::wait_until('the end of the child in the log', sub {
    $log = Playcount::Server::slurp($path);
    return $log =~ /child pid $children[0] exit signal Segmentation fault/;
});
my ($trace) = $log =~ /^\[[^\n]*\] \[playcount-express\] child $children[0] crashes in its thread \d+, signal 11; [^\n]*\n(.*?)^\[/ms;
$trace //= '';
SKIP: {
    skip 'gdb may not attach here', 3 if $trace =~ /Operation not permitted/;
    like $trace, qr/^Thread \d+ .*, which crashed:\n#0 /m, 'the thread that crashed';
    like $trace, qr/^#\d+ .*\bmain \(/m, 'to its beginning';
    like $trace, qr/^Thread \d+ .* and \d+ like it:\n#0 /m, 'and the others, equal ones once';
}
Playcount::Server::wait_until('another child', sub {
    return 2 == grep { $_->{parent} == $parent } Playcount::Server::processes();
});
is $express->get('/song/x')->{content}, '0', 'the server serves';
my @watching = grep { Playcount::Server::slurp("/proc/$_->{pid}/cmdline") =~ /playcount-express.*\Q$express->{root}\E/ }
    Playcount::Server::processes();
is scalar(@watching), 1, 'one process of ours watches';
$express->run('stop');
Playcount::Server::wait_until('its end', sub { !kill 0, $watching[0]{pid} });
pass 'and ends with the server';

# Where a signal handler finds no stack, and SIGBUS, which the zones' files may raise too.
sub backtrace_of
{
    my ($how, $signal, $mpm, $frame) = @_;
    my $crashing = Playcount::Express->new;
    my $conf = $crashing->temp . '/crash.conf';
    Playcount::Server::spew($conf, "LoadModule playcount_test_module $Playcount::Metrics::TEST_MODULE\n"
        . "<Location /crash>\n    SetHandler playcount-test\n    Require all granted\n</Location>\n");
    ($status, $output) = $crashing->run('start-server', '--background', '--songs', '1k', '--mpm', $mpm,
        '--processes', 1, '--plays-path', '/plays', '--include-file', $conf);
    is $status, 0, "$how under $mpm" or diag $output;
    my $log = $crashing->root . '/logs/error_log';
    $crashing->get("/crash?crash=$how");
    Playcount::Server::wait_until('the end of the child in the log', sub {
        return Playcount::Server::slurp($log) =~ /child pid \d+ exit signal /;
    });
    my $text = Playcount::Server::slurp($log);
    like $text, qr/child \d+ crashes in its thread \d+, signal $signal; /, 'the crash is said';
    SKIP: {
        skip 'gdb may not attach here', 1 if $text =~ /Operation not permitted/;
        like $text, qr/^#\d+ .*\b$frame \(/m, "with $frame()";
    }
    is $crashing->post('/plays/song/x')->{content}, '1', 'and another child serves';
}
backtrace_of('bus', 7, 'event', 'touch_what_is_not_there');
backtrace_of('stack', 11, $_, 'fill_stack') for qw(event prefork);

# --debugger.
($status, $output) = $express->run('start-server', '--debugger');
is $status, 1, '--debugger without --debug-mode';
like $output, qr/--debugger needs --debug-mode/, 'is refused';
SKIP: {
    skip 'there is no tmux', 4 unless Playcount::Terminal::is_there();
    my $terminal = Playcount::Terminal->new({ width => 200, height => 50 }, $express->command(
        'start-server', '--debug-mode', '--debugger', '--songs', '1k'));
    my $runs = Playcount::Server::wait_until('it serves', sub {
        return 'no' if $terminal->screen =~ /Operation not permitted/;
        return $express->get('/song/x')->{status} == 200;
    });
    skip 'gdb may not run it here', 4 if $runs eq 'no';
    $terminal->keys('C-c');
    ok $terminal->shows(qr/^\(gdb\) ?$/m), 'Ctrl-C stops it in gdb';
    $terminal->type("info sharedlibrary mod_playcount\n");
    ok $terminal->shows(qr/Yes +\S*mod_playcount\.so/), 'which has the symbols of the module';
    $terminal->type("set confirm off\nquit\n");
    is $terminal->end, 0, 'quit ends both';
    is $express->get('/song/x')->{status}, 599, 'nothing serves any more';
}

done_testing;
