# A single Redis without cluster, with a password: the same line. What is wrong with the
# directive stops the start, what is wrong with Redis is said in the log, and goes on when
# it is right again.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $redis = Playcount::Redis->new(masters => 1, cluster => 0);
my $line = 'PlaycountHandoff redis cluster=' . $redis->addresses;

sub refused
{
    my ($config, $why, $name) = @_;
    my $server = Playcount::Server->new(start => 0, config => $config);
    like $server->refusal, $why, $name;
}
refused('PlaycountHandoff redis', qr/needs cluster=HOST:PORT/, 'no address');
refused('PlaycountHandoff redis cluster=localhost', qr/use HOST:PORT/, 'no port');
refused('PlaycountHandoff redis cluster=[]:6379', qr/use HOST:PORT/, 'no host');
refused("$line user=plays", qr/user= needs a password-file=/, 'a user without a password');
refused("$line password-file=/none", qr/cannot be read; name a file/, 'no such file');
refused("$line wait=many", qr/not a number of replicas/, 'no number');
refused("$line tls=on", qr/no TLS to Redis|name a file with the certificates/, 'no TLS');
refused("$line statement=x", qr/not an option of redis; use zone=/, 'an option of another engine');

my $server = Playcount::Server->new(zone_file => 1, songs => 1000, start => 0);
Playcount::Server::spew($server->root . '/conf/password', "first secret\n");
$redis->ask(0, 'CONFIG', 'SET', 'requirepass', 'first secret');
$redis->ask(0, 'AUTH', 'first secret');
$server->set_config("$line interval=1 password-file=conf/password");
$server->start;

sub arrives
{
    my ($name) = @_;
    my $wanted = listing($server, '/?local=1');
    counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, $name);
}

is $server->post('/song/a?by=3')->{content}, 3, 'played';
arrives('it is in Redis');

$redis->ask(0, 'CONFIG', 'SET', 'requirepass', 'another');
$redis->ask(0, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
is $server->post('/song/a?by=4')->{content}, 7, 'a changed password holds up no play';
$server->wait_for_log(qr/WRONGPASS|invalid password/);
$redis->ask(0, 'CONFIG', 'SET', 'requirepass', 'first secret');
arrives('with the right one it goes on');

$redis->ask(0, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
$redis->ask(0, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
$server->post('/song/b');
$server->wait_for_log(qr/forgets keys when it is full; set its maxmemory-policy to noeviction/);
$redis->ask(0, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
arrives('one that evicts nothing is delivered to');

$redis->ask(0, 'SET', 'playcount:default:layout', '2 1024 16');
$server->post('/song/b');
$server->wait_for_log(qr/all servers of a cluster must be of a version with the same/);
$redis->ask(0, 'DEL', 'playcount:default:layout');
arrives('another layout is refused until it is gone');

$redis->kill9(0);
$server->post('/song/c') for 1 .. 3;
$server->wait_for_log(qr/cannot be reached|broke/);
$redis->start(0);
$redis->ask(0, 'CONFIG', 'SET', 'requirepass', 'first secret');
$redis->ask(0, 'AUTH', 'first secret');
arrives('an empty Redis gets all');

SKIP: {
    my $port = $redis->{nodes}[0]{port};
    eval { $redis->ask(0, 'CONFIG', 'SET', 'bind', '127.0.0.1 ::1') }
        or skip 'this machine has no IPv6', 1;
    $server->set_config("PlaycountHandoff redis cluster=[::1]:$port interval=1 password-file=conf/password");
    $server->graceful;
    $server->post('/song/d');
    arrives('by IPv6');
}
done_testing;
