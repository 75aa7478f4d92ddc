# 100,000 random requests to 900 random configurations: each is answered with the lane as
# without it. See t/lib/Playcount/LaneRules.pm; SEED=n begins elsewhere.
use strict;
use warnings;
use Test::More;
use Playcount::LaneRules;

my $seed = $ENV{SEED} || 1000;
my ($requests, $lane) = (0, 0);
while ($requests < 100_000) {
    my $result = Playcount::LaneRules::test($seed, 25, 400);
    is $result->{different}, 0, "seed $seed: $result->{requests} requests, $result->{lane} by the lane";
    $requests += $result->{requests};
    $lane += $result->{lane};
    $seed++;
}
cmp_ok $lane, '>', 5000, "$lane of $requests requests were answered by the lane";

done_testing;
