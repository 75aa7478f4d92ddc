# t/handoff/refused-kill.t, a hundred times.
use strict;
use warnings;
use File::Basename qw(dirname);

$ENV{ROUNDS} ||= 100;
exec $^X, (map { "-I$_" } grep { !ref } @INC), dirname($0) . '/../handoff/refused-kill.t'
    or die "exec: $!";
