# Partitions of the network, with servers on both sides, again and again; the differencing
# writers beside them lose plays. ROUNDS (3): how often.
use strict;
use warnings;
use Test::More;
use Playcount::Cluster;
use Playcount::Differences;
use Playcount::Partition;

my $net = Playcount::Partition->new
    or plan skip_all => Playcount::Partition::why();
my %persistence = (
    'without AOF' => {},
    'AOF always'  => { appendonly => 'yes', appendfsync => 'always' },
);
for my $kind (sort keys %persistence) {
    my $cluster = Playcount::Cluster->new(net => $net,
        config => { %{ $persistence{$kind} }, 'cluster-node-timeout' => 3000 });
    my $redis = $cluster->redis;
    my ($key) = grep { $redis->ask(0, 'CLUSTER', 'KEYSLOT', $_) >= 10923 }
        map { "control-$_" } 1 .. 100;
    $cluster->play(0, map { ("many-$_" => 1) } 1 .. 5000);
    my @control = (Playcount::Differences->start($redis->address(0), $key),
        Playcount::Differences->start($redis->address(2), $key, $net->inside));
    for my $round (1 .. $ENV{ROUNDS} || 3) {
        # Longer and longer; the last ones are shorter than a failover takes.
        $cluster->{cut_for} = (8, 15, 1, 2)[$round % 4];
        $cluster->under_load("$kind: two sides, for $cluster->{cut_for} s", 'partition');
        # The master on the other side is one again.
        $redis->settle;
        if ($redis->ask(2, 'ROLE')->[0] eq 'slave') {
            $redis->ask(2, 'CLUSTER', 'FAILOVER');
            $redis->settle;
        }
    }
    $cluster->{cut_for} = 8;
    $cluster->under_load("$kind: two sides, a last time", 'partition');
    my $played = 0;
    $played += $_->stop for @control;
    my ($total) = grep { defined } map { eval { $redis->ask($_, 'HGET', $key, 'total') } } $redis->masters;
    cmp_ok $total, '<', $played, "$kind: differences lost plays: $total of $played are left";
    $cluster->clear_in_partition;
}
done_testing;
