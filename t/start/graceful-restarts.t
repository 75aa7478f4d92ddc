# Graceful restarts under load: no request fails, nothing is lost, and nothing
# grows. (t/soak/graceful-restarts.t does it a hundred times.)
use strict;
use warnings;
use Test::More;
use Playcount::Restarts;

Playcount::Restarts::test(mpm => 'event',   restarts => 12, zone_file => 1);
Playcount::Restarts::test(mpm => 'prefork', restarts => 12);

done_testing;
