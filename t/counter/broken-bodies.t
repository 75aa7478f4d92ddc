# A body that breaks off or has no proper form gets one answer, whatever it was sent to:
# never a page of httpd's followed by one of ours.
use strict;
use warnings;
use Test::More;
use IO::Socket::INET;
use Playcount::Server;

my $server = Playcount::Server->new(songs => '1k', config => <<'EOT');
<Location /metrics>
    SetHandler playcount-metrics
</Location>
EOT
$server->post('/song/1');

sub answer
{
    my ($request, $headers, $body) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port)
        or die "cannot connect: $!";
    print $socket "$request HTTP/1.1\r\nHost: x\r\n$headers\r\n\r\n$body";
    shutdown $socket, 1;
    local $/;
    return scalar <$socket> // '';
}

my %broken = (
    'a chunk size that is none'  => ['Transfer-Encoding: chunked', "ZZZ\r\nxxx\r\n0\r\n\r\n"],
    'a chunk size below zero'    => ['Transfer-Encoding: chunked', "-5\r\nxxx\r\n0\r\n\r\n"],
    'a huge chunk size'          => ['Transfer-Encoding: chunked', 'F' x 40 . "\r\nx"],
    'a chunk that breaks off'    => ['Transfer-Encoding: chunked', "5\r\nab"],
    'a body that breaks off'     => ['Content-Length: 10', 'abc'],
);
for my $how (sort keys %broken) {
    for my $request ('GET /', 'GET /song/1', 'POST /song/1', 'POST /song/1?by=x', 'DELETE /',
        'GET /songs', 'GET /songs?top=x', 'POST /songs', 'GET /handoff', 'POST /handoff',
        'DELETE /handoff/1', 'PUT /', 'OPTIONS /', 'GET /song/', 'GET /nothing', 'GET /metrics',
        'GET /metrics?format=x', 'POST /metrics', 'OPTIONS /metrics') {
        my $answer = answer($request, @{ $broken{$how} });
        my @statuses = $answer =~ m{^HTTP/1\.1 (\d+)}mg;
        my ($length) = $answer =~ /^Content-Length: (\d+)\r$/m;
        my ($body) = $answer =~ /\r\n\r\n(.*)/s;
        cmp_ok scalar @statuses, '<=', 1, "$how, $request: one answer";
        unlike $statuses[0] // 400, qr/^2/, 'which is a refusal';
        is length($body // ''), $length // length($body // ''), 'and has the length it says';
        unlike $body // '', qr{</html>\s*[^\s]}, 'with nothing behind it';
    }
}
is $server->get('/')->{content}, '1=1', 'nothing was counted, cleared or taken';
is $server->get('/handoff')->{status}, 404, 'no batch is open';

done_testing;
