# Graceful restarts under load with the lane on: no request fails, nothing is lost, and
# nothing grows. (t/soak/lane.t does it a hundred times.)
use strict;
use warnings;
use Test::More;
use Playcount::Restarts;

Playcount::Restarts::test(mpm => 'event', restarts => 12, config => "PlaycountLane On\n");

done_testing;
