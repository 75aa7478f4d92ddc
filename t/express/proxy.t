# --proxy in front of servers as developers have them: one in Node that sends events while it
# lives, takes what is posted and speaks WebSocket; and one at a Unix socket. What is sent in
# pieces arrives in pieces.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Playcount::Express;
use Playcount::Server;

plan skip_all => 'node is not installed' unless Playcount::Express::has('node');

my $express = Playcount::Express->new;
my $temp = $express->temp;
Playcount::Server::spew("$temp/server.js", <<'EOF');
const http = require('http');
const server = http.createServer((request, response) => {
    if (request.url === '/events') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: one\n\n');
        return; // and never ends
    }
    let size = 0;
    request.on('data', (data) => { size += data.length; });
    request.on('end', () => response.end([request.method, request.url, request.headers.host,
        request.headers['x-forwarded-for'], request.headers['x-forwarded-proto'], size].join(' ')));
});
server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (data) => socket.write('echo ' + data));
    socket.on('error', () => 0);
});
const where = process.argv[2];
server.listen(/^[0-9]+$/.test(where) ? { port: Number(where), host: '127.0.0.1' } : where);
EOF

my $port = Playcount::Server::free_port();
my @pids = map { $express->spawn("$temp/node", 'node', "$temp/server.js", $_) } $port, "$temp/app.sock";
Playcount::Server::wait_until('the servers', sub {
    return -S "$temp/app.sock" && IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
});
chmod 0777, "$temp/app.sock";

my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
    '--proxy', "http://127.0.0.1:$port", '--proxy', "/unix=unix:$temp/app.sock|http://localhost/",
    '--proxy', "/other/=http://127.0.0.1:$port/base/");
is $status, 0, 'it starts' or diag $output;
my $host = '127.0.0.1:' . $express->port;
is $express->get('/x?y=1')->{content}, "GET /x?y=1 $host 127.0.0.1 http 0",
    'path, query and Host are those of the client; who and how it asked stands in headers';
is $express->get('/other/a')->{content}, "GET /base/a $host 127.0.0.1 http 0",
    'a path is replaced by that of the URL';
is $express->get('/unix/a')->{content}, "GET /a $host 127.0.0.1 http 0", 'a Unix socket';
is $express->post('/form', content => 'x' x 300_000)->{content}, "POST /form $host 127.0.0.1 http 300000",
    'a body';
is $express->post('/plays/song/1')->{content}, '1', 'the counter is not the other server\'s';

# On one connection: bytes until they match.
sub talk
{
    my ($request, @steps) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $express->port) or die $!;
    local $SIG{ALRM} = sub { die 'nothing comes' };
    alarm $Playcount::Server::PATIENCE;
    print {$socket} $request;
    for my $step (@steps) {
        my ($pattern, $send, $what) = @$step;
        my $text = '';
        1 while $text !~ $pattern && sysread $socket, $text, 4096, length $text;
        like $text, $pattern, $what;
        print {$socket} $send if defined $send;
    }
    alarm 0;
}

talk("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
    [qr/data: one/, undef, 'an event comes while the response has no end']);
talk("GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    [qr/^HTTP\/1\.1 101 .*\r\n\r\n/s, 'hello', 'a WebSocket'],
    [qr/echo hello/, undef, 'in both directions']);

kill 'TERM', @pids;
waitpid $_, 0 for @pids;
$express->run('stop');

done_testing;
