# HTTP/2, clients that leave, bodies that nobody reads, and redirects inside of httpd.
use strict;
use warnings;
use Test::More;
use Playcount::Recorder;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(
    modules => [qw(http2 rewrite)],
    location => '/',
    config  => <<'EOF');
Protocols h2c http/1.1
PlaycountRecorder records max-body=100k
Timeout 5
RewriteEngine On
RewriteRule ^/old(/.*) $1 [PT]
<Location "/limited">
    LimitRequestBody 10
</Location>
EOF
my $url = $server->url('');
my $n = 0;
my $next = sub {
    my ($count) = @_;
    my @all = Playcount::Recorder::wait_for($server, $n += $count);
    is scalar(@all), $n, 'a record for each request';
    return @all[-$count .. -1];
};

# HTTP/2: streams at the same time, each with a record of its own.
my $curl = "curl -s --http2-prior-knowledge -w '%{http_code} %{http_version}\\n' -o /dev/null";
like `$curl -b id=hidden -d a=1 -H 'Content-Type: text/plain' $url/songs`, qr/^200 2/, 'HTTP/2';
like `$curl -I $url/song/a`, qr/^200 2/, 'HEAD';
like `$curl $url/nowhere`, qr/^404 2/, 'a refusal';
like `$curl $url/test?blocks=300\\&size=1000`, qr/^200 2/, 'a long body';
my ($post, $head, $refused, $long) = $next->(4);
is $post->{meta}{protocol}, 'HTTP/2.0', 'is recorded as such';
like $post->{'request-headers'}, qr{^POST /songs HTTP/2\.0\r\n.*^Cookie: \[masked\]\r\n}msi,
    'with its headers';
is $post->{'request-body'}, 'a=1', 'its body';
like $post->{'response-headers'}, qr{^HTTP/2 200 OK\r\n.*^Content-Type: text/plain.*\r\n\r\n\z}ms,
    'the headers of the response';
is $post->{'response-body'}, 'a=1', 'and its body';
is $post->{meta}{outcome}, 'complete', 'complete';
is $head->{'response-body'} . $head->{meta}{'response-body'}, '0 bytes', 'HEAD has no body';
is $refused->{meta}{status}, 404, 'the refusal';
unlike $refused->{'response-headers'}, qr/^Connection:/mi, 'without what HTTP/2 does not have';
is $long->{meta}{'response-body'}, '100000 of 300000 bytes', 'the long body, as far as wanted';
is length $long->{'response-body'}, 100000, 'is there so far';
like `h2load -n 100 -c 2 -m 20 $url/song/a 2>&1`, qr/100 succeeded/, 'a hundred streams';
is scalar(grep { $_->{meta}{outcome} eq 'complete' } $next->(100)), 100, 'are all complete';

# Clients that leave.
my $socket = $server->socket;
print {$socket} "POST /songs HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    . "Content-Length: 100\r\n\r\na=1,b=";
$socket->flush;
$socket->close;
my ($left) = $next->(1);
is $left->{'request-body'}, 'a=1,b=', 'a body that broke off, as far as it came';
is $left->{meta}{'request-body-read'}, 'not to its end', 'which is said';
is $left->{meta}{outcome}, 'aborted', 'and that the client left';

$socket = $server->socket;
print {$socket} "GET /test?blocks=4000&size=10000&between=1&how=flush HTTP/1.1\r\nHost: x\r\n\r\n";
$socket->flush;
sysread $socket, my $some, 1000;
$socket->close;
($left) = $next->(1);
is $left->{meta}{outcome}, 'aborted', 'a client that does not wait for the end';
is $left->{meta}{status}, 200, 'of a good response';

# Bodies that nobody wants.
$server->raw("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde");
$server->raw("POST /limited HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"
    . 'x' x 50);
my ($thrown, $large) = $next->(2);
is $thrown->{'request-body'}, 'abcde', 'a body that is thrown away';
like $large->{meta}{status}, qr/^4/, 'one that is too long';

# An Expect, and a rewritten URL with a body.
$server->raw("POST /old/songs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n"
    . "Content-Type: text/plain\r\nExpect: 100-continue\r\n\r\nc=1");
my ($rewritten) = $next->(1);
is $rewritten->{meta}{status}, 200, 'a rewritten URL';
is $rewritten->{meta}{uri}, '/old/songs', 'by the name that the client used';
is $rewritten->{'request-body'}, 'c=1', 'with its body';
like $rewritten->{'response-headers'}, qr{\AHTTP/1\.1 200}, 'without the interim response';

done_testing;
