# Every answer is text/plain, with its length, and not to be stored, whatever the
# request asks for; UTF-8 if it has ids.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('headers');
$counter->post('/song/1?by=123456');

for (['GET', '/song/1'], ['POST', '/song/1?by=7'], ['GET', '/'], ['GET', '/songs'],
    ['OPTIONS', '/'], ['GET', '/nothing'], ['PUT', '/'], ['GET', '/song/']) {
    my $headers = $counter->request(@$_)->{headers};
    # httpd closes the connection after a 400 by itself.
    delete @$headers{qw(date server allow connection)};
    my @own = "@$_" =~ m{^GET /(?:songs)?$} ? 'playcount-mapping' : ();
    is_deeply [sort keys %$headers], [qw(cache-control content-length content-type), @own],
        "@$_: no other headers";
}

# A count is one thing: no part of it is asked for, none is left out.
$counter->request('DELETE', '/');
$counter->post('/song/1?by=123456');
$counter->answers('GET', '/song/1', 200, '123456', $_, headers => [$_])
    for 'Range: bytes=0-0', 'Range: bytes=1-', 'Range: bytes=-1', 'Range: bytes=0-0,2-3',
    'Range: bytes=100-', 'If-None-Match: *', 'If-Match: "x"',
    'If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT',
    'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT', 'Accept-Encoding: gzip',
    'Accept-Language: de', 'Accept-Charset: utf-16', 'X-HTTP-Method-Override: DELETE';
my $count = 123456;
$counter->answers('POST', '/song/1', 200, ++$count, "POST, $_", headers => [$_])
    for 'Range: bytes=0-0', 'If-None-Match: *', 'If-Match: "x"', 'Accept-Encoding: gzip';
$counter->answers('GET', '/', 200, "1=$count", 'a listing likewise',
    headers => ['Range: bytes=0-0', 'If-None-Match: *']);

$counter->answers('GET', '/song/1', 200, $count, 'a huge header',
    headers => ['X-Filler: ' . 'x' x 8000]);
$counter->answers('GET', '/song/1', 200, $count, 'many headers',
    headers => [map { "X-$_: y" } 1 .. 90]);
is $counter->request('GET', '/song/1', headers => ['X-Filler: ' . 'x' x 9000])->{status}, 400,
    'a header over the limit is refused by httpd';
$counter->answers('GET', '/song/1', 200, $count, 'which goes on');

done_testing;
