# With the lane on, every request is answered with the same bytes as with the lane
# off.
use strict;
use warnings;
use Test::More;
use Playcount::LaneAnswers;

Playcount::LaneAnswers::test(mpm => 'event');

done_testing;
