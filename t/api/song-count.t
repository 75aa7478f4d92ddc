# A song's count is 0 until it is played, and goes up by one with each play.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('song-count');

$counter->answers('GET', '/song/1', 200, '0', 'a song that was never played has 0 plays');
$counter->answers('GET', '/', 200, '', 'asking does not register it');
$counter->answers('POST', '/song/1', 200, '1', 'the first play answers 1');
$counter->answers('POST', '/song/1', 200, '2', 'the second 2');
$counter->answers('GET', '/song/1', 200, '2', 'the count is read');
$counter->answers('GET', '/song/1', 200, '2', 'reading does not count');
$counter->answers('GET', '/song/2', 200, '0', 'another song has its own count');
$counter->answers('POST', "/song/2?$_", 200, qr/^[12]$/, "parameters that are not ours: $_")
    for 'x=1', 'byte=7';
$counter->answers('POST', '/song/1', 200, '3', 'a body with a play is read and ignored',
    content => 'x' x 100_000);
$counter->answers('POST', '/song/1', 200, '4', 'and the connection goes on');
$counter->answers('GET', '/song/1', 200, '4', 'a body with a question too', content => 'x');
$counter->answers('HEAD', '/song/1', 200, '', 'HEAD has no body');

$counter->post('/song/many') for 1 .. 120;
is $counter->get('/song/many'), '120', 'every play counts';

done_testing;
