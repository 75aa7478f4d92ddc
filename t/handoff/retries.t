# Clients that send every POST up to three times, with an Idempotency-Key, while
# the server is killed and restarted gracefully: each counts once, and the database
# has it once.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Server;

my $rounds = rounds(6);
my $dir = database_directory();
my $file = "$dir/plays.db";
my $server = Playcount::Server->new(
    zone_file => 1, songs => 1000, modules => ['dbd'],
    config => sqlite_dbd($file) . 'PlaycountHandoff dbd interval=1');
my $load = Playcount::Load->start($server, repeat => 3);

for my $round (1 .. $rounds) {
    nap(0.1, 1);
    if ($round % 2) {
        $server->kill9_all;
        $server->start;
    } else {
        $server->graceful;
    }
}
my $played = $load->stop;
my $zone = listing($server);

is_deeply $played->{wrong}, [], 'the same request gets the same answer';
cmp_ok total($played->{acked}), '>', 0, 'plays were acknowledged';
# Three times without an answer happens only when kills follow quickly.
if (total($played->{maybe})) {
    bounds_ok($zone, $played, "$rounds times: each counts once, if it was answered");
} else {
    counts_ok($zone, $played->{acked}, "$rounds times: each counts once");
}
counts_ok(settle(sub { sqlite_counts($file) }, $zone), $zone, 'also in the database');
done_testing;
