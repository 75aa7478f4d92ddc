# A hundred graceful restarts under load: no request fails, nothing is lost, and
# nothing grows.
use strict;
use warnings;
use Test::More;
use Playcount::Restarts;

Playcount::Restarts::test(mpm => $_, restarts => 100, zone_file => 1) for qw(event worker prefork);
Playcount::Restarts::test(mpm => $_, restarts => 100) for qw(event worker prefork);

done_testing;
