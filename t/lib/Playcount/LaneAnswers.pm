package Playcount::LaneAnswers;

# With the lane on, every request is answered with the same bytes as with the lane off:
# first ones on a connection and later ones, in pieces and glued together, of songs, of
# everything else, and malformed ones. For t/lane/answers*.t.

use strict;
use warnings;
use Playcount::Lane;
use Test::More;

my $play = "POST /song/p HTTP/1.1\r\nHost: localhost\r\n\r\n";

sub request
{
    my ($line, @headers) = @_;
    return join "\r\n", $line, 'Host: localhost', @headers, '', '';
}

my $long = 'x' x 255;
my @requests = (
    # What the lane knows.
    request('GET /song/p HTTP/1.1'), request('HEAD /song/p HTTP/1.1'),
    request('POST /song/other HTTP/1.1'), request('POST /song/p?by=7 HTTP/1.1'),
    request('POST /song/p?by=1000000000 HTTP/1.1'),
    request('POST /song/p HTTP/1.1', 'Content-Length: 0'),
    request('GET /song/p HTTP/1.1', 'Accept: application/json'),
    request('POST /song/a/b.c HTTP/1.1', 'Accept: application/json'),
    request("POST /song/$long HTTP/1.1"), request('GET /song/~a-b_c HTTP/1.1'),
    "POST /song/p HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
    request('GET /song/p HTTP/1.1', 'Connection: Keep-Alive'),
    request('GET /song/p HTTP/1.1', 'User-Agent: one', 'Cookie: a=b'),
    # What it does not.
    request("POST /song/${long}x HTTP/1.1"),
    (map { request("POST /song/p?by=$_ HTTP/1.1") }
        '', 0, '007', -1, '1x', 1000000001, '1&by=2', '%31', '1&x=2'),
    (map { request("POST /song/$_ HTTP/1.1") }
        '', '.', '..', 'a/../b', 'a//b', 'a/', 'a/./b', '/a', '.a', 'a..b', '%41',
        '%C3%A9', '%', '%00', 'a%2Fb', 'a+b', 'a,b', "a\xc3\xa9", 'a#b', 'a?x=1',
        'a;b', 'a&b', '%2e%2e/a'),
    request('GET /song/p?by=3 HTTP/1.1'), request('GET /song/p? HTTP/1.1'),
    request('GET / HTTP/1.1'), request('GET /songs?ids=p HTTP/1.1'),
    request('GET /nothing HTTP/1.1'), request('OPTIONS /song/p HTTP/1.1'),
    request('OPTIONS * HTTP/1.1'), request('PUT /song/p HTTP/1.1'),
    request('DELETE /song/p HTTP/1.1'), request('post /song/p HTTP/1.1'),
    request('POST /songs HTTP/1.1', 'Content-Length: 7') . 'p=1,q=2',
    request('POST /song/p HTTP/1.1', 'Content-Length: 5') . 'hello',
    request('POST /song/p HTTP/1.1', 'Transfer-Encoding: chunked')
        . "3\r\nabc\r\n0\r\n\r\n",
    request('POST /song/p HTTP/1.1', 'Idempotency-Key: "k1"'),
    request('GET /song/p HTTP/1.1', 'Range: bytes=0-0'),
    request('GET /song/p HTTP/1.1', 'If-None-Match: *'),
    request('GET /song/p HTTP/1.1', 'Authorization: Basic YTpi'),
    request('GET /song/p HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade'),
    request('GET /song/p HTTP/1.1', 'TE: trailers'),
    request('GET /song/p HTTP/1.1', 'Connection: close'),
    request('GET http://localhost/song/p HTTP/1.1'),
    request('GET http://elsewhere/song/p HTTP/1.1'),
    "GET /song/p HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
    "\r\n" . request('GET /song/p HTTP/1.1'),
    # Malformed, or made to be read in two ways.
    "GET /song/p HTTP/1.1\r\n\r\n",
    "GET /song/p HTTP/1.1\nHost: localhost\n\n",
    "GET /song/p HTTP/1.0\r\n\r\n", "GET /song/p HTTP/2.0\r\nHost: x\r\n\r\n",
    "GET /song/p HTTP/1.2\r\nHost: localhost\r\n\r\n",
    "GET  /song/p HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /song/p  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET\t/song/p HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /song/p\x0b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    request('GET /song/p HTTP/1.1', 'Host: localhost'),
    request('GET /song/p HTTP/1.1', 'X: a', ' folded'),
    request('GET /song/p HTTP/1.1', 'X : a'), request('GET /song/p HTTP/1.1', 'X'),
    request('GET /song/p HTTP/1.1', "X: a\0b"), request('GET /song/p HTTP/1.1', ': a'),
    request('GET /song/p HTTP/1.1', "X: a\rb"),
    request('POST /song/p HTTP/1.1', 'Content-Length: 0', 'Content-Length: 0'),
    request('POST /song/p HTTP/1.1', 'Content-Length: 0', 'Content-Length: 5'),
    request('POST /song/p HTTP/1.1', 'Content-Length: 0, 0'),
    request('POST /song/p HTTP/1.1', 'Content-Length: -1'),
    request('POST /song/p HTTP/1.1', 'Content-Length: +0'),
    request('POST /song/p HTTP/1.1', 'Content-Length: 00'),
    request('POST /song/p HTTP/1.1', 'Content-Length: 99999999999999999999'),
    request('POST /song/p HTTP/1.1', 'Content-Length: 3', 'Transfer-Encoding: chunked')
        . "0\r\n\r\n",
    request('POST /song/p HTTP/1.1', 'Transfer-Encoding: identity'),
    request('GET /song/' . 'y' x 9000 . ' HTTP/1.1'),
    request('GET /song/p HTTP/1.1', 'X: ' . 'y' x 9000),
    request('GET /song/p HTTP/1.1', map { "X$_: y" } 1 .. 120),
);

sub name
{
    my ($text) = @_;
    $text =~ s/\r\n/|/g;
    $text =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    return length $text > 70 ? substr($text, 0, 70) . '...' : $text;
}

sub same
{
    my ($servers, $name, @steps) = @_;
    my @said = map { Playcount::Lane::talk($_, @steps) } @$servers;
    is_deeply $said[0], $said[1], $name;
}

# `cuts`: a request is cut in two after every so many bytes. `every`: every how manieth
# of the requests is sent. The other options are those of the server.
sub test
{
    my (%option) = @_;
    my $cuts = delete $option{cuts} // 1;
    my $every = delete $option{every} // 1;
    my $servers = [Playcount::Lane::pair(%option)];
    my ($on, $off) = @$servers;
    my $mpm = $option{mpm} // 'event';
    my $before = Playcount::Lane::numbers($on)->{Requests};
    for my $i (grep { $_ % $every == 0 } 0 .. $#requests) {
        my $request = $requests[$i];
        my $name = name($request);
        same($servers, "$mpm, first: $name", $request, $request, $request);
        same($servers, "$mpm, later: $name", $play, $play, $request, $play, $request, $request, $play);
        same($servers, "$mpm, glued: $name", $play, $play, $request . $play . $request);
        same($servers, "$mpm, glued and asked again: $name",
            $request, $request, $request x 3, $play . $play . $request . $play);
    }
    cmp_ok Playcount::Lane::numbers($on)->{Requests}, '>', $before + 2 * @requests / $every,
        'many of these were answered by the lane';

    # In two pieces, wherever one may be cut; in single bytes.
    my @cut = @requests[0, 3, 6, 10, 13, 37];
    for my $request (@cut) {
        my $name = name($request);
        same($servers, "$mpm, in two pieces: $name", $play, $play, $request, $request,
            map { [substr($request, 0, $_), substr($request, $_)] }
                grep { $_ % $cuts == 0 } 1 .. length($request) - 1);
        same($servers, "$mpm, byte by byte: $name", $play, $request, $request, [split //, $request]);
    }

    # All that goes into one read of the loop, and more.
    for my $n (2, 16, 100, 1000) {
        same($servers, "$mpm, $n at once", $play, $play, $play x $n, $play x $n);
    }
    same($servers, 'mixed at once', $play, $play, join('', map { $play, $_ } @requests[0 .. 9]),
        join('', map { $play, $_ } @requests[0 .. 9]));
    is $on->get('/song/p')->{content}, $off->get('/song/p')->{content},
        'the same plays were counted';
    is $on->get('/')->{content}, $off->get('/')->{content}, 'of every song';
}

1;
