# Servers on copies of one file, a copy of a copy among them, all counting on: what they
# have in common counts once, what each has played since counts; also when Redis has lost
# everything meanwhile.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $redis = Playcount::Redis->new(masters => 1, cluster => 0);
my (@servers, %played);

sub server
{
    my ($of) = @_;
    my $server = Playcount::Server->new(zone_file => 1, songs => 10_000, start => 0,
        config => 'PlaycountHandoff redis cluster=' . $redis->addresses . ' interval=1');
    copy($of->zone_file, $server->zone_file) or die "copy: $!\n" if $of;
    push @servers, $server->start;
    return $server;
}

sub play
{
    my ($server, %plays) = @_;
    $server->hang_up;
    for my $song (keys %plays) {
        is $server->post("/song/$song?by=$plays{$song}")->{status}, 200, "$plays{$song} of $song";
        $played{$song} += $plays{$song};
    }
}

sub all_have
{
    my ($name) = @_;
    counts_ok(settle(sub { $redis->totals }, \%played), \%played, $name);
    for my $n (0 .. $#servers) {
        counts_ok(settle(sub { $servers[$n]->hang_up; listing($servers[$n]) }, \%played), \%played,
            "... server $n shows it");
    }
}

my $first = server();
play($first, all => 1, first => 10);
all_have('one server');
my $second = server($first);
play($first, all => 2);
play($second, all => 4, second => 20);
all_have('and one on a copy of its file');
my $third = server($second);
my $fourth = server($first);
play($_->[0], all => $_->[1]) for [$first, 8], [$second, 16], [$third, 32], [$fourth, 64];
play($third, third => 30);
all_have('a copy of the copy, and another of the first');
for my $server (@servers) {
    $server->kill9_all;
    $server->start;
}
play($_, all => 100) for @servers;
all_have('all are killed, and started again');
$redis->ask(0, 'FLUSHALL');
play($_, all => 1000, new => 1) for @servers;
all_have('Redis has lost everything: all comes back');
done_testing;
