# PlaycountIdempotency N SECONDS: how many keys are remembered, and for how long;
# 0 turns them off. Keys survive graceful restarts, and in a file a stop.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

sub play { return $_[0]->post('/song/1', headers => { 'Idempotency-Key' => qq("$_[1]") }) }

my $server = Playcount::Server->new(songs => 10, zone_file => 1, config => 'PlaycountIdempotency 3');
is play($server, 'a')->{content}, '1', 'a key';
$server->graceful;
is play($server, 'a')->{content}, '1', 'survives a graceful restart';
$server->stop->start;
is play($server, 'a')->{content}, '1', 'in a file a stop';
$server->kill9_all->start;
is play($server, 'a')->{content}, '1', 'and kill -9';
is play($server, $_)->{content}, { b => 2, c => 3 }->{$_}, "room for three: $_" for qw(b c);
is play($server, 'a')->{content}, '1', 'the first one is known';
is play($server, 'd')->{content}, '4', 'a fourth one';
is play($server, 'b')->{content}, '2', 'leaves the last three';
is play($server, 'a')->{content}, '5', 'and takes the place of the oldest';

$server = Playcount::Server->new(songs => 10, config => 'PlaycountIdempotency 10 1');
is play($server, 'a')->{content}, '1', 'a key for a second';
ok Playcount::Server::wait_until('the end of a key', sub { play($server, 'a')->{content} eq '2' }),
    'is forgotten in time';

$server = Playcount::Server->new(songs => 10, config => 'PlaycountIdempotency 0');
my $answer = play($server, 'a');
is $answer->{status}, 501, 'no keys: refused';
like $answer->{content}, qr/^Idempotency-Key is switched off here \(PlaycountIdempotency 0\)/, 'with a sentence';
is $server->get('/')->{content}, '', 'nothing is counted';
is $server->post('/song/1')->{content}, '1', 'plays without a key go on';

done_testing;
