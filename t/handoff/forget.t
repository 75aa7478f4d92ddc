# A song whose plays are to be handed over is forgotten when they have been, not before.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(songs => '1k', zone_file => 1);
sub status { my ($method, $path) = @_; return $server->request($method, $path)->{status} }

$server->post("/song/$_?by=5") for 'a', 'b';
my $batch = $server->post('/handoff');
is $batch->{content}, 'a=5,b=5', 'a batch is open';
my $answer = $server->delete('/song/a');
is $answer->{status}, 409, 'its songs stay';
is $answer->{headers}{'retry-after'}, 5, 'for a while';
like $answer->{content}, qr/handed over/, 'the answer says why';
$server->post('/song/b');
is status('DELETE', "/handoff/$batch->{headers}{'playcount-batch'}"), 200, 'it is acknowledged';
is $server->delete('/song/a')->{content}, '5', 'a song that was handed over is forgotten';
is status('DELETE', '/song/b'), 409, 'one that was played since is not';
$server->post('/song/a');
$batch = $server->post('/handoff');
is join(',', sort split /,/, $batch->{content}), 'a=1,b=1', 'the next batch has the plays since, once';
is status('DELETE', "/handoff/$batch->{headers}{'playcount-batch'}"), 200, 'acknowledged';
is $server->delete('/song/b')->{content}, '6', 'now it is';
is $server->get('/')->{content}, 'a=1', 'one is left';
$server->stop;
$server->start;
is $server->get('/')->{content}, 'a=1', 'after a restart too';

done_testing;
