# A request that is sent again under its Idempotency-Key is answered again, not
# counted again.
use strict;
use warnings;
use Test::More;
use Playcount::Api;
use Playcount::Client;
use Playcount::Server;

my $counter = counter('idempotency-key');
my $run = "$$-" . time;    # keys of an earlier run are still known
sub key { return headers => [qq(Idempotency-Key: "$_[0]-$run"), @_[1 .. $#_]] }

my $used = 'This Idempotency-Key was used for another request.';

# One song.
$counter->answers('POST', '/song/1', 200, '1', 'the first time it counts', key('a'));
$counter->answers('POST', '/song/1', 200, '2', 'other plays go on');
$counter->answers('POST', '/song/1', 200, '1', 'the second time it is answered as the first',
    key('a')) for 1 .. 3;
$counter->answers('GET', '/song/1', 200, '2', 'and counts no more');
$counter->answers('POST', '/song/1', 200, '3', 'another key counts', key('b'));
$counter->answers('POST', '/song/1?by=5', 200, '8', 'with by', key('c'));
$counter->answers('POST', '/song/1?by=5', 200, '8', 'again', key('c'));
$counter->answers('POST', '/song/1', 200, '{"song":"1","count":1,"href":"/idempotency-key/song/1"}',
    'the same answer in another form', type => 'application/json',
    key('a', 'Accept: application/json'));

# The same key for something else.
$counter->answers('POST', @$_, 422, $used, "another request: @$_", key('a'))
    for ['/song/2'], ['/song/1?by=2'];
$counter->answers('POST', '/songs', 422, $used, 'a batch', content => '1=1', key('a'));
$counter->answers('POST', '/songs', 422, $used, 'an empty batch', content => '', key('a'));
$counter->answers('POST', '/song/1?by=1', 200, '1', 'by=1 is the same request', key('a'));
$counter->answers('GET', '/song/2', 200, '0', 'nothing of it counted');

# Batches.
my @batch = (content => '1=2,new=3,1=1');
$counter->answers('POST', '/songs', 200, '1=10,new=3,1=11', 'a batch', @batch, key('d'));
$counter->post('/song/1');
$counter->post('/song/new');
$counter->answers('POST', '/songs', 200, '1=10,new=3,1=11', 'the same answer', @batch, key('d'))
    for 1 .. 3;
$counter->answers('GET', '/song/1', 200, '12', 'counts no more');
$counter->answers('POST', '/songs', 422, $used, 'another batch', content => '1=2,new=3', key('d'));
$counter->answers('POST', '/song/1', 422, $used, 'a play', key('d'));
my @json = (content => '{"1":1,"new":1}', type => 'application/json');
$counter->answers('POST', '/songs', 200, '{"1":13,"new":5}', 'a JSON batch', @json,
    key('e', 'Content-Type: application/json')) for 1 .. 3;
my $long = join ',', map { "song $_=1" } 1 .. 5000;
for (1, 2) {
    my $answer = $counter->request('POST', '/songs', content => $long, key('long'));
    ok $answer->{content} eq $long, 'a long batch has the same answer';
}
$counter->answers('GET', '/song/song 77' =~ s/ /%20/r, 200, '1', 'and counts once');

# What is refused leaves the key free.
$counter->answers('POST', '/song/1?by=0', 400, qr/by/, 'a refused play', key('f'));
$counter->answers('POST', '/songs', 400, qr/Entry 1/, 'a refused batch', content => 'x', key('f'));
$counter->answers('POST', '/songs', 415, qr/Type/, 'of a wrong type', content => '1=1',
    key('f', 'Content-Type: a/b'));
$counter->answers('POST', '/songs', 200, '', 'an empty batch', content => '', key('f'));
$counter->answers('POST', '/song/f', 200, '1', 'leave the key free', key('f'));
my $abort = Playcount::Client->new(port_of());
$abort->send("POST /idempotency-key/songs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \"g-$run\"\r\n"
    . "Content-Length: 10\r\n\r\ng=1");
shutdown $abort->connect, 1;
$abort->rest;
$counter->answers('POST', '/song/g', 200, '1', 'so does an aborted one', key('g'));

# While the first is under way. Until it is seen the key is free, and the repetition, which
# is no batch, is refused. If the first one comes while that has the key, it is the first one
# that is told to try again: then both are sent again, with another key.
my ($first, $answer, $h);
my $h_number = 0;
Playcount::Server::wait_until('the first to be seen', sub {
    $h = 'h' . ++$h_number;
    $first = Playcount::Client->new(port_of());
    $first->send("POST /idempotency-key/songs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \"$h-$run\"\r\n"
        . "Content-Length: 3\r\n\r\nh");
    for (1 .. 50) {
        $answer = $counter->request('POST', '/songs', content => 'x', key($h));
        last if $answer->{status} != 400;
        select undef, undef, undef, 0.02;
    }
    return $answer->{status} != 400;
});
is $answer->{status}, 409, 'a repetition while the first one\'s body is coming';
is $answer->{headers}{'retry-after'}, '1', 'is to try again';
is $answer->{content},
    'The first request with this Idempotency-Key is still being answered; try again.',
    'with a sentence';
$first->send('=1');
is $first->answer('POST')->{content}, 'h=1', 'the first one counts';
$counter->answers('POST', '/songs', 200, 'h=1', 'then the repetition is answered',
    content => 'h=1', key($h));

# Ways to write a key.
sub as { return headers => ["Idempotency-Key: $_[0]"] }
$counter->answers('POST', '/song/k', 200, '1', 'a bare key', as("bare-$run"));
$counter->answers('POST', '/song/k', 200, '1', 'is the same as a quoted one', as(qq("bare-$run")));
$counter->answers('POST', '/song/k', 200, '2', 'escapes', as(qq("a\\"b\\\\c-$run")));
$counter->answers('POST', '/song/k', 200, '2', 'again', as(qq("a\\"b\\\\c-$run")));
$counter->answers('POST', '/song/k', 200, '3', 'spaces in quotes', as(qq(" a b $run ")));
$counter->answers('POST', '/song/k', 200, '4', '255 characters',
    as(sprintf '"%s"', substr "$run-" . 'x' x 255, 0, 255));
my %wrong = (
    '""'             => 'is not 1 to 255 characters long\.',
    ''               => 'is not 1 to 255 characters long\.',
    '"' . 'x' x 256 . '"' => 'is not 1 to 255 characters long\.',
    'x' x 256        => 'is not 1 to 255 characters long\.',
    '"open'          => 'does not end with its closing quote\.',
    '"a" b'          => 'does not end with its closing quote\.',
    '"a";p=1'        => 'does not end with its closing quote\.',
    '"a\\'           => 'is not a string of printable ASCII characters in double quotes\.',
    'a b'            => 'is not a string of printable ASCII characters in double quotes\.',
    'a"b'            => 'is not a string of printable ASCII characters in double quotes\.',
    "\"a\xC3\xA4\""  => 'is not a string of printable ASCII characters in double quotes\.',
    "\"a\tb\""       => 'is not a string of printable ASCII characters in double quotes\.',
);
for my $key (sort keys %wrong) {
    (my $name = substr $key, 0, 20) =~ s/[^ -~]/?/g;
    for (['/song/k'], ['/songs', content => 'k=1']) {
        my ($path, @content) = @$_;
        $counter->answers('POST', $path, 400, qr/^Idempotency-Key $wrong{$key}$/,
            "no key, $path: $name", @content, as($key));
    }
}
$counter->answers('GET', '/song/k', 200, '4', 'nothing of it counts; GET has no key', key('a'));

# Clearing forgets counts, not keys.
$counter->request('DELETE', '/');
$counter->answers('POST', '/song/1', 200, '1', 'after a clearing the answer is the same', key('a'));
$counter->answers('GET', '/song/1', 200, '0', 'and does not count');

done_testing;
