# A request to the counter looks at no file: the system calls of a worker while
# it answers are those of its connection.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Server;

my ($strace) = grep { -x } map { "$_/strace" } split /:/, $ENV{PATH};
plan skip_all => 'there is no strace' unless $strace;

my $server = Playcount::Server->new(mpm => 'prefork', processes => 1, songs => '1k', zone_file => 1,
    modules => ['alias'], config => <<'EOT');
Alias /files @root@/htdocs
<Location /files>
    SetHandler none
</Location>
EOT
Playcount::Server::spew($server->root . '/htdocs/file', 'x');
my ($child) = $server->children;
my $client = Playcount::Client->new($server->port);
$client->request('POST', '/song/warm/up');

# The calls from attaching to the end of these requests.
my $traces = 0;

sub calls
{
    my (@requests) = @_;
    my $log = $server->root . '/strace.' . ++$traces;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>', "$log.err";
        exec $strace, '-f', '-o', $log, '-p', $child;
        exit 127;
    }
    my $up = eval {
        Playcount::Server::wait_until('strace', sub {
            waitpid($pid, POSIX::WNOHANG()) == $pid and die "strace ended\n";
            return Playcount::Server::slurp("$log.err") =~ /attached/;
        });
    };
    plan skip_all => 'strace may not trace here' unless $up;
    $client->request(@$_) for @requests;
    kill 'INT', $pid;
    waitpid $pid, 0;
    return grep { !/exit|SIG|resumed|watchdog|msync/ } split /\n/, Playcount::Server::slurp($log);
}

my $files = qr/\b(?:open|openat|stat|lstat|fstat|newfstatat|statx|access|readlink|getcwd)\(/;
ok scalar(grep { /$files/ } calls(['GET', '/files/file'])), 'strace sees what a file costs';
my @calls = calls(['POST', '/song/warm/up'], ['GET', '/song/warm/up'], ['POST', '/song/new/song'],
    ['GET', '/'], ['POST', '/songs', content => 'a=1,b=2'], ['GET', '/nothing/of/ours'],
    ['POST', '/song/a%2Fb/../c']);
ok @calls > 7, 'requests to the counter are seen';
is_deeply [grep { /$files/ } @calls], [], 'no file is opened or looked at';

done_testing;
