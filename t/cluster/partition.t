# The network between two parts of a cluster is cut for longer than a failover takes, with
# servers on both sides: in the end everything is counted once. A writer that delivers
# differences loses plays meanwhile. What a server on the smaller side is told to clear is
# cleared everywhere when they are together again.
use strict;
use warnings;
use Test::More;
use Playcount::Cluster;
use Playcount::Differences;
use Playcount::Partition;

my $net = Playcount::Partition->new
    or plan skip_all => Playcount::Partition::why();
my $cluster = Playcount::Cluster->new(net => $net, config => { 'cluster-node-timeout' => 3000 });
my $redis = $cluster->redis;

# A key of the master on the other side, which goes on as one for three seconds.
my ($key) = grep { $redis->ask(0, 'CLUSTER', 'KEYSLOT', $_) >= 10923 } map { "control-$_" } 1 .. 100;
my @control = (Playcount::Differences->start($redis->address(0), $key),
    Playcount::Differences->start($redis->address(2), $key, $net->inside));

$cluster->play(0, map { ("many-$_" => 1) } 1 .. 2000);
$cluster->under_load('two sides that cannot reach each other', 'partition');

my $played = 0;
$played += $_->stop for @control;
my ($total) = grep { defined } map { eval { $redis->ask($_, 'HGET', $key, 'total') } } $redis->masters;
cmp_ok $total, '<', $played, "differences lost plays meanwhile: $total of $played are left";

$cluster->clear_in_partition;
undef $cluster;
undef $net;
done_testing;
