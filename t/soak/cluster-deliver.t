# Every fault that a cluster of six nodes and three servers can have on one machine, one
# after the other and under load. ROUNDS (1): how often; KIND and FAULT: patterns of the
# names below, for some of them.
use strict;
use warnings;
use Test::More;
use Playcount::Cluster;

my @kinds = (
    ['without AOF'      => {}],
    ['AOF every second' => { appendonly => 'yes', appendfsync => 'everysec' }],
    ['AOF always'       => { appendonly => 'yes', appendfsync => 'always' }],
);
my @faults = (
    ['every master killed by -9'                         => 'kill_masters'],
    ['every master killed by -9 and started at once'     => 'restart_master'],
    ['every node killed by -9 and started'               => 'restart_all'],
    ['both nodes of a shard in turn'                     => 'kill_both'],
    ['a master killed whose replica was behind'          => 'lagging_replica'],
    ['a failover by hand'                                => 'fail_over'],
    ['a master emptied'                                  => 'empty_master'],
    ['a master stopped for longer than a failover takes' => 'pause_master'],
    ['a slot moved, key by key'                          => 'move_a_slot'],
    ['a slot left half moved for a while'                => 'half_move'],
    ['forty slots moved'                                 => 'reshard'],
    ['nodes added and taken away'                        => 'more_nodes'],
    ['an old RDB put back'                               => 'old_rdb'],
    ['all keys deleted by hand'                          => 'delete_keys'],
    ['a master that is full for a while'                 => 'fill_master'],
    ['servers killed by -9 and started'                  => 'kill_servers'],
);

sub wanted { my ($variable, $name) = @_; return $name =~ /$ENV{$variable}/ if defined $ENV{$variable}; return 1 }

sub all_faults
{
    my ($kind, $config) = @_;
    my $cluster = Playcount::Cluster->new(config => $config);
    $cluster->play(0, map { ("many-$_" => 1) } 1 .. 5000);
    for my $fault (@faults) {
        my ($name, $method) = @$fault;
        next if !wanted(FAULT => $name) || $method eq 'old_rdb' && %$config;
        $cluster->under_load("$kind: $name", $method);
    }
    for my $method (qw(killed_before_acknowledgement wrong_type)) {
        $cluster->watched($method) if wanted(FAULT => $method);
    }
    $cluster->under_load("$kind: keys deleted one by one, then all as the manual says",
        'delete_one_by_one') if wanted(FAULT => 'delete_one_by_one');
    # A server on an older file shows less until it has met the cluster.
    $cluster->watched('older_file', 1, 2) if wanted(FAULT => 'older_file');
    $cluster->watched('copied_file') if wanted(FAULT => 'copied_file');
}

for my $round (1 .. $ENV{ROUNDS} || 1) {
    all_faults(@$_) for grep { wanted(KIND => $_->[0]) } @kinds;
}
done_testing;
