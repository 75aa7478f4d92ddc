# DELETE / clears the whole mapping.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('clear', keep => 1);

$counter->answers('DELETE', '/', 200, 'OK', 'whatever is there is cleared');
$counter->answers('GET', '/', 200, '', 'nothing is there');
$counter->answers('DELETE', '/', 200, 'OK', 'nothing can be cleared too');
$counter->post("/song/$_") for 1 .. 500;
$counter->answers('DELETE', '', 200, 'OK', 'many songs');
$counter->answers('GET', '/', 200, '', 'are gone');
$counter->answers('GET', '/song/7', 200, '0', 'each of them');
$counter->answers('POST', '/song/7', 200, '1', 'counting begins at 1 again');
$counter->answers('POST', '/song/3', 200, '1', 'for each song');
$counter->answers('GET', '/', 200, '7=1,3=1', 'in a new order');
$counter->answers('DELETE', '/', 200, 'OK', 'a body is ignored', content => 'x' x 1000);
for my $round (1 .. 5) {
    my $batch = join ',', map { "$round-$_=1" } 1 .. 1000;
    is $counter->request('POST', '/songs', content => $batch)->{status}, 200,
        "the zone can be filled again ($round)";
    $counter->answers('POST', '/song/over', 507, qr/full/, 'to its end');
    $counter->answers('DELETE', '/', 200, 'OK', 'and cleared');
}

done_testing;
