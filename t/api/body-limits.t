# A body counts when it is complete and not longer than 16 MiB, however it
# comes; otherwise nothing of it counts.
use strict;
use warnings;
use Test::More;
use Playcount::Api;
use Playcount::Client;

my $counter = counter('body-limits');
my $path = '/body-limits/songs';
my $mib = 1024 * 1024;

sub head
{
    my (@headers) = @_;
    return join "\r\n", "POST $path HTTP/1.1", 'Host: x', @headers, '', '';
}

# 16 MiB exactly: entries of 256 bytes, 65,536 of them.
my $most = join ',', map { sprintf 'p=%0253d', 1 } 1 .. 65_536;
is length $most, 16 * $mib - 1, 'a body of 16 MiB and a byte less';
my $answer = $counter->request('POST', '/songs', content => $most . "\n");
is $answer->{status}, 200, 'a body of 16 MiB';
$counter->answers('GET', '/song/p', 200, '65536', 'counts');
$counter->answers('POST', '/songs', 413, 'The body is longer than 16 MiB; send it in parts.',
    'a byte more', content => $most . "\n\n");
is $counter->client->{socket}, undef, 'ends the connection';
$counter->answers('GET', '/song/p', 200, '65536', 'and counts nothing');

# One that says that it is longer is not even read.
my $client = Playcount::Client->new(port_of());
$client->send(head('Content-Length: 99999999999', 'Expect: 100-continue'));
$answer = $client->answer('POST');
is $answer->{status}, 413, 'a Content-Length over the limit';
is $answer->{continues}, 0, 'is refused before its body is asked for';

# In chunks.
sub chunked { return join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } @_), "0\r\n\r\n" }
my @chunked = ('Transfer-Encoding: chunked');
$counter->answers('POST', '/songs', 200, 'a=1,b=2', 'in chunks',
    headers => \@chunked, content => chunked('a', '=', '1,b', '=2'));
$counter->answers('POST', '/songs', 200, '', 'no chunks', headers => \@chunked, content => chunked());
my $big = 'c=1' . ',c=1' x 50_000;
$answer = $counter->request('POST', '/songs', headers => \@chunked,
    content => chunked($big =~ /(.{1,777})/gs));
is $answer->{status}, 200, 'many chunks';
$counter->answers('GET', '/song/c', 200, '50001', 'count');
$client->send(head(@chunked));
my $sent = 0;
for (1 .. 20) {
    $client->send(sprintf("%x\r\n%s\r\n", $mib, 'd=1,' x ($mib / 4))) or last;
    $sent++;
}
$answer = $client->answer('POST');
is $answer->{status}, 413, 'chunks without end are refused' if $answer;
ok $sent >= 15, 'at the limit';
$counter->answers('GET', '/song/d', 200, '0', 'and count nothing');
for my $bad ("zz\r\na=1\r\n0\r\n\r\n", "3\r\na=1xx0\r\n\r\n", "-1\r\n", "ffffffffffffffffff\r\n") {
    $client->close;
    $client->send(head(@chunked) . $bad);
    $answer = $client->answer('POST');
    (my $name = $bad) =~ s/\s+/ /g;
    ok !$answer || $answer->{status} == 400 || $answer->{status} == 413, "no chunk: $name";
    $client->close;
}
$counter->answers('GET', '/song/a', 200, '1', 'broken chunks count nothing');

# Slowly, byte by byte.
$client->send(head('Content-Length: 7'));
for my $byte (split //, 'a=2,e=5') {
    is $counter->get('/song/a'), '1', 'a body that is on its way has not counted yet';
    $client->send($byte);
}
is $client->answer('POST')->{content}, 'a=3,e=5', 'when it is complete it counts';

# Aborted. Each is followed on its own connection by a sign that the server has
# seen its end.
sub aborted
{
    my ($bytes, $name) = @_;
    my $abort = Playcount::Client->new(port_of());
    $abort->send($bytes);
    shutdown $abort->{socket}, 1;
    my $rest = $abort->answer('POST');
    ok !$rest || $rest->{status} == 400, $name;
    $abort->close;
}
aborted(head('Content-Length: 8') . 'a=5,e=5', 'an aborted body');
aborted(head('Content-Length: 8'), 'no body at all');
aborted(head(@chunked) . "3\r\na=5\r\n", 'chunks without the last one');
aborted(head(@chunked) . "7\r\na=5", 'half a chunk');
aborted("POST /body-limits/song/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc",
    'a play with half a body');
aborted("DELETE /body-limits/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc",
    'a clearing with half a body');
$counter->answers('GET', '/song/a', 200, '3', 'nothing of these counts');

# Lengths that httpd refuses.
for my $length ('-1', 'x', '1 2', '99999999999999999999999', '0x10') {
    my $bad = Playcount::Client->new(port_of());
    $bad->send(head("Content-Length: $length") . 'a=1');
    like $bad->answer('POST')->{status}, qr/^4(?:00|13)$/, "Content-Length: $length";
}
$counter->answers('GET', '/song/a', 200, '3', 'nothing of these either');

# Expect: 100-continue.
$client->close;
$client->send(head('Content-Length: 3', 'Expect: 100-continue'));
$client->more;
like $client->{buffer}, qr{^HTTP/1\.1 100 }, '100 Continue asks for a body';
$client->send('a=1');
is $client->answer('POST')->{content}, 'a=4', 'which counts';
for (['POST', '/song/', 400], ['PUT', '/song/a', 405], ['POST', '/x', 404],
    ['POST', '/song/a?by=0', 400]) {
    my ($method, $to, $status) = @$_;
    $client->close;
    $client->send("$method /body-limits$to HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        . "Expect: 100-continue\r\n\r\n");
    $answer = $client->answer($method);
    is $answer->{status}, $status, "$method $to is refused";
    is $answer->{continues}, 0, 'without asking for its body';
}
$client->close;
$client->send(head('Content-Length: 3', 'Content-Type: image/png', 'Expect: 100-continue'));
$answer = $client->answer('POST');
is "$answer->{status} $answer->{continues}", '415 0', 'the wrong type too';

# LimitRequestBody is httpd's, and so is its answer.
my $limited = counter('body-limits-10', keep => 1);
$limited->answers('POST', '/songs', 200, qr/^a=\d+$/, 'LimitRequestBody: up to it',
    content => 'a=00000001');
my $plays = $limited->get('/song/a');
is $limited->request('POST', '/songs', content => 'a=000000001')->{status}, 413, 'over it';
is $limited->request('POST', '/songs', headers => \@chunked,
    content => chunked('a=0000', '00001'))->{status}, 413, 'in chunks';
is $limited->request('POST', '/song/a', content => 'x' x 11)->{status}, 413,
    'a play with such a body';
$limited->answers('GET', '/song/a', 200, $plays, 'counts nothing');

done_testing;
