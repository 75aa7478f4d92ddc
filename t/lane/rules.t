# Nothing that httpd would refuse, or answer in another way, is answered by the lane:
# random configurations, random requests. (t/soak/lane-rules.t does 100,000.)
use strict;
use warnings;
use Test::More;
use Playcount::LaneRules;

for my $seed (1 .. 2) {
    my $result = Playcount::LaneRules::test($seed, 25, 400);
    is $result->{different}, 0, "seed $seed: $result->{requests} requests are answered alike";
    cmp_ok $result->{lane}, '>', 100, "many of them by the lane ($result->{lane})";
    cmp_ok $result->{places}{$_} // 0, '>', 3, "which is $_ at some places ($result->{places}{$_})"
        for qw(in out);
}

done_testing;
