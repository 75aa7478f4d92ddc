# GET / lists all songs in the order of their first play.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('listing');

$counter->answers('GET', '/', 200, '', 'no songs, an empty body');
$counter->answers('GET', '', 200, '', 'with and without the last slash');
$counter->post("/song/$_") for qw(1 5 5);
$counter->answers('GET', '/', 200, '1=1,5=2', 'ids and counts');
$counter->post("/song/$_") for qw(zebra 0 1 apple);
$counter->answers('GET', '/', 200, '1=2,5=2,zebra=1,0=1,apple=1',
    'in the order of the first play, whatever is played later');
$counter->answers('HEAD', '/', 200, '', 'HEAD has no body');

# More than one piece.
my $expected = '1=2,5=2,zebra=1,0=1,apple=1';
for my $part (0 .. 2) {
    my $batch = join ',', map { sprintf 'a long name of a song %06d=%d', $_, $_ + 1 }
        $part * 40_000 .. $part * 40_000 + 39_999;
    my $answer = $counter->request('POST', '/songs', content => $batch);
    is $answer->{status}, 200, "batch $part";
    $expected .= ",$batch";
}
my $answer = $counter->request('GET', '/');
is $answer->{status}, 200, 'a long listing';
ok $answer->{content} eq $expected, 'is complete and in order';
is $answer->{headers}{'content-type'}, 'text/plain; charset=utf-8', 'is text, of UTF-8';
is $answer->{headers}{'cache-control'}, 'no-store', 'is not to be stored';
$counter->answers('GET', '/song/1', 200, '2', 'and the connection goes on');

my $old = $counter->request('GET', '/', version => 'HTTP/1.0',
    headers => ['Connection: close']);
ok $old->{content} eq $expected, 'HTTP/1.0 gets it without chunks';

# A client that goes away in the middle.
my $gone = counter('listing', keep => 1);
$gone->client->send("GET /listing/ HTTP/1.1\r\nHost: x\r\n\r\n");
ok $gone->client->take(10), 'a client reads a little';
$gone->client->close;
$counter->answers('GET', '/song/5', 200, '2', 'and goes: the server goes on');

done_testing;
