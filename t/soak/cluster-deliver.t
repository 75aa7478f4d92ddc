# Every fault that a cluster of six nodes and three servers can have on one machine, one
# after the other and under load. ROUNDS (1): how often.
use strict;
use warnings;
use Test::More;
use Playcount::Cluster;

my %persistence = (
    'without AOF'      => {},
    'AOF every second' => { appendonly => 'yes', appendfsync => 'everysec' },
    'AOF always'       => { appendonly => 'yes', appendfsync => 'always' },
);
for my $round (1 .. $ENV{ROUNDS} || 1) {
    for my $kind (sort keys %persistence) {
        my $cluster = Playcount::Cluster->new(config => $persistence{$kind});
        $cluster->play(0, map { ("many-$_" => 1) } 1 .. 5000);
        $cluster->under_load("$kind: every master killed by -9", 'kill_masters');
        $cluster->under_load("$kind: every master killed by -9 and started at once",
            'restart_master');
        $cluster->under_load("$kind: every node killed by -9 and started", 'restart_all');
        $cluster->under_load("$kind: both nodes of a shard in turn", 'kill_both');
        $cluster->under_load("$kind: a failover by hand", 'fail_over');
        $cluster->under_load("$kind: a master emptied", 'empty_master');
        $cluster->under_load("$kind: a master stopped for longer than a failover takes",
            'pause_master');
        $cluster->under_load("$kind: a slot moved, key by key", 'move_a_slot');
        $cluster->under_load("$kind: a slot left half moved for a while", 'half_move');
        $cluster->under_load("$kind: forty slots moved", 'reshard');
        $cluster->under_load("$kind: nodes added and taken away", 'more_nodes');
        $cluster->under_load("$kind: an old RDB put back", 'old_rdb') unless keys %{ $persistence{$kind} };
        $cluster->under_load("$kind: all keys deleted by hand", 'delete_keys');
        $cluster->under_load("$kind: a master that is full for a while", 'fill_master');
        $cluster->under_load("$kind: servers killed by -9 and started", 'kill_servers');
        $cluster->watched('killed_before_acknowledgement');
        $cluster->watched('wrong_type');
        $cluster->under_load("$kind: keys deleted one by one, then all as the manual says",
            'delete_one_by_one');
        # A server on an older file shows less until it has met the cluster.
        $cluster->watched('older_file', 1, 2);
        $cluster->watched('copied_file');
    }
}
done_testing;
