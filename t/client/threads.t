# One client in many threads: every play is counted, every count comes once.
use strict;
use warnings;
use Test::More;
use Playcount::Command qw(run_program);
use Playcount::Server;

my $server = Playcount::Server->new(songs => '1k');
my $run = run_program('t/client/threads', $server->url, 16, 200);
is $run->{status}, 0, '16 threads with one client' or diag $run->{out}, $run->{err};
is $run->{out}, '', 'each count of the common song came once';
is $server->get('/song/common')->{content}, 3200, 'the common song has all plays';
is $server->get('/song/many-2')->{content}, 6400, 'so have batches';

done_testing;
