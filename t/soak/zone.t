#!/usr/bin/perl
# The C tests of the zone in their long forms: half an hour on a small machine.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $built = abs_path(dirname(__FILE__) . '/../..') . '/build/t';

for (
    ['every_instruction_may_be_the_last', PLAYCOUNT_SOAK => 1],
    ['plays_survive_kills_and_clears', PLAYCOUNT_ROUNDS => 2000],
    ['a_power_loss_costs_what_came_after_the_sync', PLAYCOUNT_ROUNDS => 5000],
    ['handed_over_once', PLAYCOUNT_ROUNDS => 2000],
    ['memory_follows_the_songs', PLAYCOUNT_SONGS => 10_000_000],
) {
    my ($test, $name, $value) = @$_;
    local $ENV{$name} = $value;
    my $output = `$built/$test.t`;
    ok($? == 0, "$test with $name=$value") or diag($output);
}
done_testing();
