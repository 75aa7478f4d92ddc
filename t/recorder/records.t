# PlaycountRecorder keeps what passed: headers and bodies as the client sent and got
# them, one directory for each request, secrets masked.
use strict;
use warnings;
use Test::More;
use Playcount::Recorder;

for my $mpm (qw(event prefork)) {
    my $server = Playcount::Server->new(
        mpm     => $mpm,
        modules => [qw(dir deflate filter headers alias)],
        config  => <<'EOF');
PlaycountRecorder records
DirectoryIndex index.html
ErrorDocument 410 /files/gone.html
Redirect gone /gone
RequestHeader set X-Added by-httpd early
RequestHeader unset Cookie
<Location "/files">
    SetHandler none
    Header set Set-Cookie "session=secret; Path=/"
</Location>
<Location "/files/packed">
    ForceType text/plain
    SetOutputFilter DEFLATE
</Location>
<Location "/denied">
    Require all denied
</Location>
EOF
    my $docs = $server->root . '/htdocs/files';
    mkdir $docs or die $!;
    Playcount::Server::spew("$docs/index.html", my $page = "a page\n" x 20);
    Playcount::Server::spew("$docs/packed", my $packed = "packed\n" x 2000);
    Playcount::Server::spew("$docs/gone.html", 'gone');
    my $n = 0;
    # What the last requests have left, in their order.
    my $next = sub {
        my ($count) = @_;
        my @all = Playcount::Recorder::wait_for($server, $n += $count);
        is scalar(@all), $n, "$mpm: a record for each request";
        return @all[-$count .. -1];
    };

    $server->raw("POST /song/1?by=2 HTTP/1.1\r\nHost: x\r\nX-Own: caf\xe9\r\n"
        . "Cookie: id=hidden\r\nAuthorization: Basic hidden\r\nConnection: close\r\n\r\n");
    my ($record) = $next->(1);
    like $record->{name}, qr/^\d{8}T\d{6}\.\d{6}Z-1-\d+-POST-song-1$/, 'a readable name';
    like $record->{'request-headers'}, qr{^POST /song/1\?by=2 HTTP/1\.1\r\n}, 'the request line';
    like $record->{'request-headers'}, qr/^X-Own: caf\xe9\r\n/m, 'its headers, byte for byte';
    like $record->{'request-headers'}, qr/^Cookie: \[masked\]\r\n/m, 'a masked cookie';
    like $record->{'request-headers'}, qr/^Authorization: \[masked\]\r\n/m, 'and password';
    unlike $record->{'request-headers'}, qr/X-Added/, 'not what httpd made of them';
    like $record->{'request-headers'}, qr/\r\n\r\n\z/, 'and their end';
    like $record->{'response-headers'}, qr{^HTTP/1\.1 200 OK\r\n.*^Date: .*\r\n\r\n\z}ms,
        'the response';
    is $record->{'response-body'}, '2', 'with its body';
    is_deeply [@{ $record->{meta} }{qw(method uri status outcome scheme protocol handler client)}],
        ['POST', '/song/1?by=2', 200, 'complete', 'http', 'HTTP/1.1', 'playcount', '127.0.0.1'],
        'and what else is known';
    is $record->{meta}{truncated}, 'no', 'it is whole';
    is join(' ', map { sprintf '%o', (stat "$record->{path}$_")[2] & 07777 }
        '', '/meta', '/request-body'), '700 600 600', 'for nobody else to read';

    # Bodies.
    $server->raw("POST /songs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "4\r\na=1,\r\n3\r\nb=2\r\n0\r\n\r\n");
    $server->get('/files/');
    $server->get('/files/packed', headers => { 'Accept-Encoding' => 'gzip' });
    $server->get('/files/', headers => { Range => 'bytes=2-5' });
    $server->request('HEAD', '/files/');
    my ($chunked, $file, $gzip, $range, $head) = $next->(5);
    is $chunked->{'request-body'}, 'a=1,b=2', 'a body without its chunks';
    is $chunked->{meta}{'request-body-read'}, 'to its end', 'to its end';
    is $file->{'response-body'}, $page, 'a file';
    is $file->{meta}{uri}, '/files/', 'by the name that was asked for';
    like $file->{'response-headers'}, qr/^Set-Cookie: \[masked\]\r$/m,
        'a masked cookie of a response';
    like $gzip->{'response-headers'}, qr/^Content-Encoding: gzip\r$/m, 'a compressed answer';
    is substr($gzip->{'response-body'}, 0, 2), "\x1f\x8b", 'as the client got it';
    cmp_ok length($gzip->{'response-body'}), '<', 1000, 'in full';
    is $range->{'response-body'}, 'page', 'a range, as the client got it';
    is $range->{meta}{status}, 206, 'with its status';
    is $head->{'response-body'}, '', 'no body for HEAD';
    like $head->{'response-headers'}, qr/^Content-Length: 140\r$/m, 'but its length';

    # What httpd refuses, and what it leads elsewhere.
    $server->get('/denied');
    $server->get('/gone');
    $server->raw("GET /%zz HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n");
    $server->raw("RUBBISH\r\n\r\n");
    my ($denied, $gone, $escape, $rubbish) = $next->(4);
    is $denied->{meta}{status}, 403, 'a refusal';
    like $denied->{'response-body'}, qr/Forbidden/, 'with its page';
    is $gone->{meta}{status}, 410, 'an error with a page of its own';
    is $gone->{'response-body'}, 'gone', 'which the client got';
    is $gone->{meta}{'redirected-to'}, '/files/gone.html', 'from there';
    like $escape->{meta}{status}, qr/^4/, 'a URL that cannot be read';
    is $rubbish->{meta}{status}, 400, 'a request that cannot';
    is $rubbish->{'request-headers'}, "RUBBISH\r\n\r\n", 'as far as it went';
    $server->stop;
    unlike $server->error_log, qr/:(crit|alert|emerg)\]/, 'and no trouble';
}

done_testing;
