# Three servers deliver into a real cluster of six nodes, under load, while a master is
# killed whose replica was behind, a node is emptied, servers are killed and an older file is put back: in the
# end the totals are the sum of what was played.
use strict;
use warnings;
use Test::More;
use Playcount::Cluster;

my $cluster = Playcount::Cluster->new;
$cluster->play(0, map { ("many-$_" => 1) } 1 .. 5000);
$cluster->settles('what a server had before is in the cluster');
$cluster->under_load('a master killed by -9, and in its place a replica that was behind',
    'lagging_replica');
cmp_ok $cluster->forgotten, '>', 0, 'what was confirmed was forgotten, and told again';
$cluster->under_load('a master emptied', 'empty_master');
$cluster->under_load('servers killed by -9 and started', 'kill_servers');
$cluster->older_file;
$cluster->copied_file;
done_testing;
