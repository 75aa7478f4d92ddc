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
refused(qr/cannot read the file to include/, '--include-file', '/nonexistent');
refused(qr/there is no directory \/nonexistent/, '--zone-file', '/nonexistent/counts');
refused(qr/must not contain quotes/, '--zone-file', '/tmp/"');
refused(qr/exclude each other/, '--debug-mode');
refused(qr/unknown option: bogus/, '--bogus');
refused(qr/--host/, '--host', '192.0.2.1');
refused(qr/cannot make the directory/, '--server-root', '/proc/server');

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
