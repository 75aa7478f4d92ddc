# start-server serves what it is asked to: files and applications each at its path, the
# counter and the page at theirs, says all of it, and measures it. Under event and prefork,
# the WSGI application embedded and as a daemon.
use strict;
use warnings;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Express;
use Playcount::Server;

plan skip_all => 'libapache2-mod-wsgi-py3 is not installed'
    unless -e Playcount::Server::modules_dir() . '/mod_wsgi.so';

my $temp = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
chmod 0755, "$temp";
mkdir "$temp/$_" or die $! for qw(app files files/sub files/sub.d files/.git cgi);
Playcount::Server::spew("$temp/app/app.wsgi", <<'EOF');
import os, beside
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [' '.join((beside.NAME, environ['SCRIPT_NAME'] or '-', environ['PATH_INFO'],
        environ['mod_wsgi.process_group'] or 'embedded', environ['MOD_PLAYCOUNT_EXPRESS'],
        os.environ['MOD_PLAYCOUNT_EXPRESS'], environ['COLOR'], os.environ['COLOR'])).encode()]
EOF
Playcount::Server::spew("$temp/app/debug.wsgi", <<'EOF');
import os
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [' '.join(where.get('MOD_PLAYCOUNT_EXPRESS' + name, 'unset')
        for where in (environ, os.environ) for name in ('', '_DEBUG_MODE')).encode()]
EOF
Playcount::Server::spew("$temp/app/beside.py", "NAME = 'app'\n");
Playcount::Server::spew("$temp/cgi/hello", <<'EOF');
#!/bin/sh
echo 'Content-Type: text/plain'
echo
echo "hello $SCRIPT_NAME $PATH_INFO $COLOR"
EOF
chmod 0755, "$temp/cgi/hello";
Playcount::Server::spew("$temp/files/$_->[0]", $_->[1]) for ['a.txt', 'a'],
    ['b c%d.html', 'b'], ['sub/index.html', 'index'], ['sub.d/x', 'x'], ['.env', 'secret'],
    ['.git/config', 'secret'];

my @serves = ('--document-root', "$temp/files", '--wsgi', "$temp/app/app.wsgi",
    '--wsgi', "/deep/app=$temp/app/app.wsgi", '--cgi', "/cgi-bin=$temp/cgi",
    '--env', 'COLOR=dark "blue" $x', '--env', 'EMPTY=');
my $environment = '1 1 dark "blue" $x dark "blue" $x';

sub answers
{
    my ($express, $path, $content, $what) = @_;
    my $answer = $express->get($path);
    is $answer->{status}, 200, "$path: $what";
    is $answer->{content} =~ s/\n$//r, $content, 'as it should';
    return $answer;
}

for my $case (['event', 'embedded'], ['event', 'daemon', '--wsgi-processes', 2],
    ['prefork', 'daemon', '--wsgi-processes', 1, '--wsgi-threads', 3]) {
    my ($mpm, $mode, @options) = @$case;
    my $express = Playcount::Express->new;
    my $other = Playcount::Server::free_port();
    my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
        '--mpm', $mpm, '--processes', 2 + 4 * ($mpm eq 'prefork'), @serves, @options,
        '--listen', $other, '--access-log',
        '--proxy', '/proxied=' . $express->url('/deep/app'));
    is $status, 0, "$mpm, $mode: it starts" or diag $output, next;
    my $url = $express->url;
    like $output, qr{^Serving \Q$url\E }, 'it says where';
    like $output, qr{^  files +\Q$url\E +$temp/files$}m, 'the files';
    like $output, qr{^  application +\Q$url\Edeep/app +$temp/app/app.wsgi \($mode\)$}m,
        'an application';
    like $output, qr{^  counter +\Q$url\Eplays$}m, 'the counter';
    like $output, qr{^  page +\Q$url\Emetrics$}m, 'the page';

    my $group = $mode eq 'daemon' ? 'playcount-express' : 'embedded';
    answers($express, '/a.txt', 'a', 'a file');
    answers($express, '/b%20c%25d.html', 'b', 'one with a space and a percent sign');
    like $express->get('/a.txt')->{headers}{'content-type'}, qr{^text/plain},
        'with its media type';
    answers($express, '/sub/', 'index', 'a directory with an index');
    answers($express, '/sub', 'index', 'and without the slash');
    answers($express, '/', "app - / $group $environment", 'no file, so the application');
    answers($express, '/sub.d/', "app - /sub.d/ $group $environment",
        'a directory without an index is the application\'s');
    answers($express, "/$_", "app - /$_ $group $environment",
        'what begins with a dot is not there') for '.env', '.git/config';
    answers($express, '/deep/app/x/y', "app /deep/app /x/y $group $environment",
        'an application at a path');
    answers($express, '/deep/apple', "app - /deep/apple $group $environment",
        'which is no other one');
    answers($express, '/cgi-bin/hello/you', 'hello /cgi-bin/hello /you dark "blue" $x',
        'a CGI program');
    answers($express, '/proxied/z', "app /deep/app /z $group $environment",
        'another server by a proxy');
    is $express->post('/plays/song/1?by=3')->{content}, '3', 'the counter counts';
    is $express->get("http://127.0.0.1:$other/plays/song/1")->{content}, '3',
        'and is on the other port, too';
    answers($express, '/playsome', "app - /playsome $group $environment",
        'what only begins like it is the application\'s');
    like $express->get('/metrics', headers => { Accept => 'text/html' })->{content},
        qr/<html/i, 'the page';

    # A request is counted when it is logged, perhaps after its client has the answer.
    my %requests;
    Playcount::Server::wait_until('all requests are counted', sub {
        my $json = Cpanel::JSON::XS->new->decode($express->get('/metrics?format=json')->{content});
        %requests = map { $_->{route} => $_->{requests} } @{ $json->{metrics}{routes} };
        return ($requests{'/deep/app'} // 0) >= 2 && ($requests{static} // 0) >= 5
            && ($requests{'wsgi-script'} // 0) >= 6;
    });
    is $requests{'/deep/app'}, 2, 'an application at a path is a route of its own';
    is $requests{static}, 5, 'so are the files';
    is $requests{'wsgi-script'}, 6, 'and the application at /';
    ok Playcount::Server::wait_until('the access log', sub {
        return Playcount::Server::slurp($express->root . '/logs/access_log')
            =~ m{^127\.0\.0\.1 \[.*\] "GET /a\.txt HTTP/1\.1" 200 1 [0-9.]+ ms 1 blocks$}m;
    }), 'the access log has the figures';

    ($status) = $express->run('graceful');
    is $status, 0, 'graceful';
    answers($express, '/', "app - / $group $environment", 'serves on');
    ($status, $output) = $express->run('status');
    like $output, qr{^Serving \Q$url\E }, 'status says where';
}

# One process, which applications can tell.
my $debug = Playcount::Express->new;
my $pid = $debug->spawn($debug->temp . '/said', $debug->command('start-server', '--debug-mode',
    '--songs', '1k', '--wsgi', "$temp/app/debug.wsgi"));
Playcount::Server::wait_until('it serves', sub { $debug->get('/')->{status} == 200 });
answers($debug, '/', '1 1 1 1', '--debug-mode');
kill 'INT', $pid;
waitpid $pid, 0;

# CGI and a proxy at /, with something below; other paths for counter and page.
my $express = Playcount::Express->new;
my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
    '--cgi', "$temp/cgi", '--wsgi', "/app=$temp/app/app.wsgi", '--env', 'COLOR=red',
    '--plays-path', '/count/here', '--metrics-path', '/look', '--server-name', 'songs.example',
    '--startup-log');
is $status, 0, 'CGI at /' or diag $output;
answers($express, '/hello/a', 'hello /hello /a red', 'a CGI program');
answers($express, '/app/a', 'app /app /a embedded 1 1 red red', 'an application below');
is $express->post('/count/here/song/1')->{content}, '1', '--plays-path';
is $express->get('/plays')->{status}, 404, 'and nowhere else';
like $express->get('/look?format=json')->{content}, qr/^\{"version"/, '--metrics-path';
like Playcount::Server::slurp($express->root . '/logs/startup_log'), qr/^$/,
    '--startup-log: nothing to say';

my $front = Playcount::Express->new;
($status, $output) = $front->run('start-server', '--background', '--songs', '1k',
    '--document-root', "$temp/files", '--proxy', $express->url);
is $status, 0, 'a proxy at /' or diag $output;
answers($front, '/a.txt', 'a', 'a file');
answers($front, '/hello/b', 'hello /hello /b red', 'the rest is the other server\'s');
is $front->post('/plays/song/1?by=7')->{content}, '7', 'the counter is not';
$express->run('stop');
is $front->get('/hello/b')->{status}, 503, 'the other server is down';
$express->run('start-server', '--background', '--songs', '1k', '--cgi', "$temp/cgi",
    '--env', 'COLOR=blue');
answers($front, '/hello/b', 'hello /hello /b blue', 'and used again at once');

done_testing;
