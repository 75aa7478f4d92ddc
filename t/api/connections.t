# Connections are kept; requests may be sent ahead; HTTP/1.0 and absolute
# request lines are understood.
use strict;
use warnings;
use Test::More;
use Playcount::Api;
use Playcount::Client;

my $counter = counter('connections');
my $client = Playcount::Client->new(port_of());
sub bytes { return Playcount::Client::bytes(@_) }

my $socket = $client->connect;
is $client->request('POST', '/connections/song/1')->{content}, $_, "request $_ of a connection"
    for 1 .. 50;
is $client->{socket}, $socket, 'is of the same connection';

# Ahead: all kinds of requests at once, answered in order.
my @requests = (
    [['POST', '/connections/song/a'], '200 1'],
    [['POST', '/connections/song/b', content => 'a body'], '200 1'],
    [['POST', '/connections/songs', content => 'a=1,b=2'], '200 a=2,b=3'],
    [['GET', '/connections/song/a'], '200 2'],
    [['HEAD', '/connections/song/a'], '200 '],
    [['PUT', '/connections/song/a', content => 'x' x 1000], '405 Method Not Allowed'],
    [['GET', '/connections/nothing'], '404 Not Found'],
    [['POST', '/connections/songs', headers => ['Transfer-Encoding: chunked'],
        content => "3\r\nc=1\r\n0\r\n\r\n"], '200 c=1'],
    [['GET', '/connections/songs?prefix=c'], '200 c=1'],
    [['OPTIONS', '/connections/'], '200 '],
);
$client->send(join '', map { bytes(@{ $_->[0] }) } @requests);
for (@requests) {
    my $answer = $client->answer($_->[0][0]);
    is "$answer->{status} $answer->{content}", $_->[1], "ahead: @{ $_->[0] }[0, 1]";
}
$client->send(bytes('POST', '/connections/song/deep') x 500);
my $wrong = 0;
for my $n (1 .. 500) {
    $wrong++ if $client->answer('POST')->{content} ne $n;
}
is $wrong, 0, '500 plays sent ahead are answered in order';

# The request line in pieces.
my $request = bytes('POST', '/connections/song/pieces');
$client->send($_) for split //, $request;
is $client->answer('POST')->{content}, '1', 'a request byte by byte';

# HTTP/1.0.
my $answer = $client->request('POST', '/connections/song/old', version => 'HTTP/1.0');
is $answer->{content}, '1', 'HTTP/1.0';
is $client->{socket}, undef, 'closes the connection';
$client->send("POST /connections/song/old HTTP/1.0\r\n\r\n");
is $client->answer('POST')->{content}, '2', 'without Host';
$client->close;
$client->send(bytes('POST', '/connections/song/old', version => 'HTTP/1.0',
    headers => ['Connection: keep-alive']));
is $client->answer('POST')->{content}, '3', 'keep-alive';
is $client->request('GET', '/connections/song/old')->{content}, '3', 'of HTTP/1.0';
$answer = $client->request('GET', '/connections/song/old', headers => ['Connection: close']);
is $answer->{content}, '3', 'Connection: close';
is $client->{socket}, undef, 'closes it';

# Absolute form.
my $port = port_of();
for my $host ("127.0.0.1:$port", '127.0.0.1', 'localhost') {
    $counter->request('DELETE', '/');
    is $client->request('POST', "http://$host/connections/song/a//b/../c")->{content}, '1',
        "http://$host/...";
    is $client->request('GET', "HTTP://$host/connections/")->{content}, 'a//b/../c=1',
        'is the same id as in a path';
}
is $client->request('GET', "http://127.0.0.1:$port/connections?x")->{content}, 'a//b/../c=1',
    'with a query';

# Paths around the root.
for my $root ('/connections', '//connections', '/./connections', '/x/../connections',
    '/%63onnections', '/connections/', '/connections/.', '/connections//') {
    is $client->request('GET', "$root/song/a//b/../c")->{status}, 200, "GET $root/song/...";
    is $client->request('GET', $root)->{content}, 'a//b/../c=1', "GET $root";
}
is $client->request('GET', '/connectionsx/song/a', again => 1)->{status}, 404, 'another path is not ours';

done_testing;
