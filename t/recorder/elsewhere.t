# Where others answer: the lane stays out of a server that records; what a cache answers,
# what comes from a backend and what goes over TLS is recorded as any other.
use strict;
use warnings;
use Test::More;
use Playcount::Recorder;

# The lane.
my $server = Playcount::Server->new(
    config => "PlaycountLane On unlogged\nPlaycountRecorder records\n");
like $server->error_log, qr/PlaycountRecorder wants every request recorded/,
    'the log says that the lane stays out, and why';
my $answer = $server->raw("POST /song/1 HTTP/1.1\r\nHost: x\r\n\r\n" x 9
    . "POST /song/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
like $answer, qr/\n10\z/, 'ten requests on a connection';
is scalar(Playcount::Recorder::wait_for($server, 10)), 10, 'are ten records';
undef $server;

# A backend and a cache before it.
my $backend = Playcount::Server->new(config => <<'EOF', modules => ['headers']);
<Location "/page">
    SetHandler none
    Header set Cache-Control max-age=600
    Header add Set-Cookie one=secret
    Header add Set-Cookie two=secret
</Location>
EOF
mkdir $backend->root . '/htdocs/page' or die $!;
Playcount::Server::spew($backend->root . '/htdocs/page/file', my $text = 'a page ' x 2000);
my $port = $backend->port;
$server = Playcount::Server->new(
    processes => 1,
    modules   => [qw(proxy proxy_http cache cache_socache socache_shmcb)],
    location  => undef,
    config    => <<"EOF");
PlaycountRecorder records
CacheSocache shmcb
CacheEnable socache /page
CacheSocacheMaxSize 102400
CacheIgnoreHeaders Set-Cookie
ProxyPass / http://127.0.0.1:$port/
EOF
is $server->get('/page/file')->{content}, $text, 'a page of a backend';
is $server->get('/page/file')->{content}, $text, 'again' for 1, 2;
is $server->post('/songs', content => 'a=1,b=2', headers => { 'Content-Type' => 'text/plain' })->{content},
    'a=1,b=2', 'a body for a backend';
my @records = Playcount::Recorder::wait_for($server, 4);
is scalar(grep { $_->{'response-body'} eq $text } @records[0 .. 2]), 3,
    'the backend\'s answer is recorded, and the cache\'s';
like $records[1]{'response-headers'}, qr/^Age: \d+\r$/mi, 'as what it is';
is scalar(() = $records[0]{'response-headers'} =~ /^Set-Cookie: \[masked\]\r$/mg), 2,
    'each cookie is masked';
is $records[3]{'request-body'}, 'a=1,b=2', 'the body as it went through';
is $records[3]{meta}{handler}, 'proxy-server', 'and who answered';
undef $server;

# TLS.
my $dir = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
my $made = `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout $dir/key -out $dir/cert 2>&1`;
SKIP: {
    skip "openssl makes no certificate: $made", 3 if $?;
    $server = Playcount::Server->new(
        modules => ['ssl'],
        config  => "PlaycountRecorder records\nSSLEngine On\nSSLCertificateFile $dir/cert\nSSLCertificateKeyFile $dir/key\n");
    is `curl -ks https://127.0.0.1:@{[$server->port]}/song/1`, '0', 'TLS';
    $server->raw("GET /song/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    my ($tls, $plain) = Playcount::Recorder::wait_for($server, 2);
    is "$tls->{meta}{scheme} $tls->{'response-body'}", 'https 0', 'is recorded';
    is $plain->{meta}{status}, 400, 'so is who does not speak it';
}

done_testing;
