# Two servers deliver into one PostgreSQL, the same songs, and both are killed at
# random: the sum is right.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Postgres;
use Playcount::Server;

my $rounds = rounds(6);
my $postgres = Playcount::Postgres->new;
my @servers = map {
    Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => $postgres->dbd . 'PlaycountHandoff dbd interval=1')
} 1 .. 2;
my @loads = map { Playcount::Load->start($_, clients => 2) } @servers;

for my $round (1 .. $rounds) {
    nap(0.1, 1);
    my $server = $servers[ rand 2 ];
    $server->kill9_all;
    $server->start;
}
my @played = map { $_->stop } @loads;
my (%sum, %played);
for my $i (0, 1) {
    my $zone = listing($servers[$i]);
    bounds_ok($zone, $played[$i], "server $i has each play once");
    $sum{$_} += $zone->{$_} for keys %$zone;
}
my $database = settle(sub { $postgres->counts }, \%sum);
counts_ok($database, \%sum, "after $rounds kills the database has the plays of both");
is $postgres->query('SELECT count(*) FROM playcount_handoff'), "2\n",
    'each under a number of its own';
done_testing;
