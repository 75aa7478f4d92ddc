# A consumer that fetches batches over HTTP, and keeps the number of the last one
# in one transaction with its counts. It is killed at random, and so is the server:
# in the end it has every acknowledged play, once.
use strict;
use warnings;
use Test::More;
use Playcount::Consumer;
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Server;

my $rounds = rounds(10);
my $dir = database_directory();
my $server = Playcount::Server->new(zone_file => 1, songs => 1000);
my $consumer = Playcount::Consumer->new($server, "$dir/consumer.db");

my $load = Playcount::Load->start($server);
$consumer->start;
for my $round (1 .. $rounds) {
    nap(0.1, 0.5);
    $consumer->kill9;
    if ($round % 3 == 0) {
        $server->kill9_all;
        $server->start;
    }
    $consumer->start;
}
nap(0.1, 0.3);
$consumer->kill9;
my $played = $load->stop;
my $zone = listing($server);
my $status;
1 while ($status = $consumer->consume) == 200;
is $status, 204, 'nothing is left to hand over';
bounds_ok($zone, $played, "the zone has each play once after $rounds kills");
counts_ok($consumer->counts, $zone, 'and so has the consumer');
cmp_ok $consumer->last, '>', 0, 'which got batches';
done_testing;
