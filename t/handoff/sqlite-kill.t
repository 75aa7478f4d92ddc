# The server is killed at random moments under load, and delivers into SQLite: in
# the end the database has every acknowledged play, once.
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
my $load = Playcount::Load->start($server);

for my $round (1 .. $rounds) {
    nap(0.1, 1.3);
    $server->kill9_all;
    $server->start;
}
nap(0.2, 0.4);
my $played = $load->stop;
my $zone = listing($server);
my $database = settle(sub { sqlite_counts($file) }, $zone);

cmp_ok total($played->{acked}), '>', 0, 'plays were acknowledged';
bounds_ok($zone, $played, "the zone has each of them once after $rounds kills");
counts_ok($database, $zone, 'and so has the database');
is sqlite($file, 'PRAGMA integrity_check'), "ok\n", 'the database is sound';
unlike $server->error_log, qr/not delivered/, 'no delivery failed';
done_testing;
