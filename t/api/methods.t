# HEAD and OPTIONS work as for any resource; other methods get 405 with Allow,
# other paths 404.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('methods');
$counter->post('/song/1?by=42');

my %allow = (
    '/song/1' => 'GET, HEAD, POST, DELETE, OPTIONS',
    '/'       => 'GET, HEAD, DELETE, OPTIONS',
    ''        => 'GET, HEAD, DELETE, OPTIONS',
    '/songs'  => 'GET, HEAD, POST, OPTIONS',
);
my @methods = qw(PUT PATCH TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK
    REPORT SEARCH BREW get X);

for my $path (sort keys %allow) {
    my @refused = (@methods, grep { index($allow{$path}, $_) < 0 } qw(POST DELETE));
    for my $method (@refused) {
        my $answer = $counter->answers($method, $path, 405, 'Method Not Allowed',
            "$method $path");
        is $answer->{headers}{allow}, $allow{$path}, 'with what is allowed';
    }
    my $answer = $counter->answers('OPTIONS', $path, 200, '', "OPTIONS $path");
    is $answer->{headers}{allow}, $allow{$path}, 'says what is allowed';
}

for my $path ('/song', '/songs/', '/songs/1', '/son', '/Song/1', '/SONGS', '/x',
    '/index.html') {
    for my $method (qw(GET POST DELETE PUT OPTIONS)) {
        $counter->answers($method, $path, 404, 'Not Found', "$method $path");
    }
}

for my $path ('/song/1', '/song/2', '/', '/songs', '/songs?top=1', '/song', '/song/', '/songs?top=x') {
    my $get = $counter->request('GET', $path);
    my $head = $counter->request('HEAD', $path);
    is $head->{status}, $get->{status}, "HEAD $path: the status of GET";
    is $head->{content}, '', 'no body';
    delete $_->{headers}{date} for $get, $head;
    is_deeply $head->{headers}, $get->{headers}, 'the headers of GET';
}

$counter->answers('POST', '/song/1', 200, '43', 'nothing of it counted');
is $counter->request('PUT', '/song/1', content => 'x' x 50_000)->{status}, 405,
    'a body is read';
$counter->answers('GET', '/', 200, '1=43', 'and the connection goes on');

done_testing;
