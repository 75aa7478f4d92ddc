# A request to the counter looks at no file: the system calls of a worker while
# it answers are those of its connection.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Server;
use Playcount::Trace;

my $server = Playcount::Server->new(mpm => 'prefork', processes => 1, songs => '1k', zone_file => 1,
    modules => ['alias'], config => <<'EOT');
Alias /files @root@/htdocs
<Location /files>
    SetHandler none
</Location>
<Location /metrics>
    SetHandler playcount-metrics
</Location>
<Directory "@root@/htdocs">
    Options None
    Require all granted
</Directory>
EOT
Playcount::Server::spew($server->root . '/htdocs/file', 'x');
my ($child) = $server->children;
my $client = Playcount::Client->new($server->port);
$client->request('POST', '/song/warm/up');

sub calls
{
    my (@requests) = @_;
    my $trace = Playcount::Trace->new($child, $server->root)
        or plan skip_all => 'there is no strace, or it may not trace here';
    $client->request(@$_) for @requests;
    return $trace->calls;
}

my $files = qr/\b(?:open|openat|stat|lstat|fstat|newfstatat|statx|access|readlink|getcwd)\(/;
ok scalar(grep { /$files/ } calls(['GET', '/files/file'])), 'strace sees what a file costs';
my @calls = calls(['POST', '/song/warm/up'], ['GET', '/song/warm/up'], ['POST', '/song/new/song'],
    ['GET', '/'], ['POST', '/songs', content => 'a=1,b=2'], ['GET', '/nothing/of/ours'],
    ['POST', '/song/a%2Fb/../c'], ['GET', '/metrics']);
ok @calls > 7, 'requests to the counter are seen';
is_deeply [grep { /$files/ } @calls], [], 'no file is opened or looked at';

done_testing;
