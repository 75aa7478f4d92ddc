# What playcount-express cannot do it says in one sentence, with an exit
# status that is not 0, and leaves nothing running.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Playcount::Express;

my $express = Playcount::Express->new;

sub refused
{
    my ($sentence, @options) = @_;
    my ($status, $output) = $express->run('start-server', '--background', @options);
    isnt $status, 0, "refused: @options";
    like $output, $sentence, 'with a sentence';
    is scalar(() = $output =~ /\n/g), 1, 'on one line';
}

refused(qr/--port must be a whole number from 1 to 65535, not '0'/, '--port', 0);
refused(qr/--port must be a whole number/, '--port', '80x');
refused(qr/port requires an argument/, '--port');
refused(qr/--mpm must be event, worker or prefork/, '--mpm', 'winnt');
refused(qr/--songs must be a number/, '--songs', '12q');
refused(qr/--songs must be a number/, '--songs', '0');
refused(qr/--processes must be a whole number/, '--processes', '-1');
refused(qr/--threads is for event and worker/, '--mpm', 'prefork', '--threads', 4);
refused(qr/--many-connections needs --mpm event/, '--many-connections', '--mpm', 'worker');
refused(qr/--redis must be HOST:PORT/, '--redis', 'localhost');
refused(qr/--redis and --database exclude each other/, '--redis', 'localhost:1',
    '--database', '/tmp/x');
refused(qr/cannot read the file to include/, '--include-file', '/nonexistent');
refused(qr/there is no directory \/nonexistent/, '--zone-file', '/nonexistent/counts');
refused(qr/must not contain quotes/, '--zone-file', '/tmp/"');
refused(qr/exclude each other/, '--debug-mode');
refused(qr/unknown option: bogus/, '--bogus');
refused(qr/--host/, '--host', '192.0.2.1');
refused(qr/cannot make the directory/, '--server-root', '/proc/server');

# What is served, and where.
my $files = $express->temp . '/files';
mkdir $files;
Playcount::Server::spew("$files/app.wsgi", "application = None\n");
my @wsgi = ('--wsgi', "$files/app.wsgi");
refused(qr/cannot read the WSGI script, \/nonexistent: No such file/, '--wsgi', '/nonexistent');
refused(qr/is not a file: --wsgi needs the WSGI script/, '--wsgi', $files);
refused(qr/--wsgi: \/ is taken by --wsgi \S+; give another path before it, as in --wsgi \/other=/,
    @wsgi, @wsgi);
refused(qr/--wsgi: \/plays is taken by the server itself/, '--wsgi', "/plays=$files/app.wsgi");
refused(qr/--proxy: \/app is taken by --wsgi/, '--wsgi', "/app/=$files/app.wsgi",
    '--proxy', '/app=http://127.0.0.1:1/');
refused(qr/app\.wsgi \(--wsgi\) is in the --document-root, so everybody could download it/,
    '--document-root', $files, @wsgi);
refused(qr/\(--server-root\) is in the --document-root/, '--document-root', $express->temp);
refused(qr/there is no directory \/nonexistent \(--document-root\)/,
    '--document-root', '/nonexistent');
refused(qr/there is no directory .* \(--cgi\)/, '--cgi', "$files/app.wsgi");
refused(qr/--wsgi-processes goes with --wsgi/, '--wsgi-processes', 2);
refused(qr/--wsgi-threads and --threads exclude each other without --wsgi-processes/,
    @wsgi, '--wsgi-threads', 2, '--threads', 3);
refused(qr/--wsgi-threads needs --wsgi-processes under prefork/,
    @wsgi, '--wsgi-threads', 2, '--mpm', 'prefork');
refused(qr/--proxy must be a URL/, '--proxy', '127.0.0.1:5000');
refused(qr/--proxy cannot speak gopher; it can ajp, fcgi,/, '--proxy', 'gopher://127.0.0.1/');
refused(qr/--proxy: a path of letters/, '--proxy', '/a b=http://127.0.0.1/');
refused(qr/--php needs --document-root/, '--php');
refused(qr/--env must be NAME=VALUE, not 'NAME'/, '--env', 'NAME');
refused(qr/--plays-path: a path of letters/, '--plays-path', 'plays');
refused(qr/--plays-path must not be \/ beside an application/, @wsgi, '--plays-path', '/');
refused(qr/--plays-path and --metrics-path are the same/,
    @wsgi, '--plays-path', '/x', '--metrics-path', '/x/');
refused(qr/--listen must be PORT or HOST:PORT, not 'x:y'/, '--listen', 'x:y');
refused(qr/--listen: 127\.0\.0\.1:\d+ is said twice/, '--listen', $express->port);
refused(qr/there is no user nobody-here \(--user\)/, '--user', 'nobody-here');
refused(qr/there is no group nobody-here \(--group\)/, '--group', 'nobody-here');
refused(qr/--access-log must be a LogFormat on one line/, '--access-log', "%h\n");
SKIP: {
    skip 'only root cannot serve as itself', 6 if $> != 0;
    refused(qr/httpd does not serve as root/, '--user', 'root');
    my $private = $express->temp . '/private';
    mkdir $private, 0700;
    Playcount::Server::spew("$private/app.wsgi", "application = None\n");
    refused(qr/the server runs as www-data, who cannot read \S+app\.wsgi: let that user read/,
        '--wsgi', "$private/app.wsgi");
}

# A directory that cannot be written into. Root may write anywhere but here.
refused(qr/cannot write into the directory|cannot make the directory/,
    '--server-root', '/proc/self');

my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
refused(qr/port ${\ $taken->sockport} of 127.0.0.1 is taken/,
    '--port', $taken->sockport);
close $taken;

Playcount::Server::spew($express->temp . '/include', "NoSuchDirective\n");
refused(qr/NoSuchDirective/, '--include-file', $express->temp . '/include');

my ($status, $output) = $express->run('status');
is $status, 3, 'nothing runs';

($status, $output) = $express->run('start-server', '--background');
is $status, 0, 'a server' or diag $output;
refused(qr/a server is running there already .*playcount-express stop/);
is $express->get('/song/1')->{status}, 200, 'which serves on';

my $other = Playcount::Express->new;
($status, $output) = $other->run('start-server', '--background',
    '--zone-file', $express->root . '/counts');
isnt $status, 0, 'two servers on one zone file are refused';
like $output, qr/PlaycountZone/, 'with a sentence that names the directive';

# A limit on the size of files.
my $limited = Playcount::Express->new;
my $said = $limited->temp . '/said';
waitpid $limited->spawn($said, 'sh', '-c', 'ulimit -f 2000; exec "$@"', 'sh',
    $limited->command('start-server', '--background')), 0;
isnt $? >> 8, 0, 'refused: a zone file larger than files may be';
like Playcount::Server::slurp($said), qr/PlaycountZone .* cannot have its \d+ MB: File too large/,
    'with a sentence';
is_deeply [glob $limited->root . '/counts*'], [], 'and nothing is left of it';

Playcount::Server::spew($express->root . '/httpd.conf',
    Playcount::Server::slurp($express->root . '/httpd.conf') . "NoSuchDirective\n");
($status, $output) = $express->run('graceful');
isnt $status, 0, 'graceful with a broken configuration is refused';
like $output, qr/NoSuchDirective/, 'with the reason';
is $express->get('/song/1')->{status}, 200, 'and the server goes on';

($status, $output) = $express->run('frobnicate');
is $status, 2, 'an unknown command';
like $output, qr/there is no command frobnicate/, 'is named';

done_testing;
