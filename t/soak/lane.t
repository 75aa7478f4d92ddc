# A hundred graceful restarts under load with the lane on.
use strict;
use warnings;
use Test::More;
use Playcount::Restarts;

Playcount::Restarts::test(mpm => 'event', restarts => 100, zone_file => 1,
    config => "PlaycountLane On\n");

done_testing;
