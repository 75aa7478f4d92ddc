# Odd requests under odd configurations: HTTP/2, compression, slashes that are
# not merged, roots longer than a piece of a listing, bodies that grow.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Server;

my $server = Playcount::Server->new(
    songs => '100k', modules => [qw(deflate filter http2)], config => <<'EOT');
Protocols h2c http/1.1
LimitRequestLine 200000
AllowEncodedSlashes NoDecode
MergeSlashes Off
TraceEnable On
SetOutputFilter DEFLATE
<LocationMatch "^/long-.*/plays">
    SetHandler playcount
</LocationMatch>
<Location /inflated>
    SetHandler playcount
    SetInputFilter DEFLATE
</Location>
EOT
my $url = $server->url('');
my $client = Playcount::Client->new($server->port);
sub curl { my $answer = qx(curl -s -m 60 --path-as-is -w ' %{http_code}' @_); return $answer }

# HTTP/2.
my $h2 = '--http2-prior-knowledge';
is curl("$h2 -X POST $url/song/a/../b//c%2Fd"), '1 200', 'HTTP/2: a play';
is curl("$h2 -H 'Content-Type: text/plain' -d 1=3,5=2 $url/songs"), '1=3,5=2 200', 'a batch';
is curl("$h2 $url/"), 'a/../b//c/d=1,1=3,5=2 200', 'the listing';
is curl("$h2 -X PUT $url/"), 'Method Not Allowed 405', 'a method';
like curl("$h2 $url/song/%zz"), qr/^The path has a % .* 400$/, 'a broken escape';
is curl("$h2 -X POST -r 0-0 $url/song/1"), '4 200', 'no part of an answer';
is curl("$h2 -X DELETE $url/"), 'OK 200', 'clearing';
is curl("$h2 $url/"), ' 200', 'all';

# Compression.
$client->request('POST', '/songs', content => join ',', map { "song $_=1" } 1 .. 20_000);
my $listing = $client->request('GET', '/')->{content};
is curl("--compressed $url/"), "$listing 200", 'a listing compressed is the same';
my $batch = $server->root . '/batch';
sub inflated
{
    system "gzip -kf $batch";
    return curl("-H 'Content-Encoding: gzip' -H 'Content-Type: text/plain' "
        . "--data-binary \@$batch.gz $url/inflated/songs");
}
Playcount::Server::spew($batch, 'zip=1,' x 9 . 'zip=1');
is inflated(), join(',', map { "zip=$_" } 1 .. 10) . ' 200', 'a batch may come compressed';
Playcount::Server::spew($batch, 'zip=1,' x 5_000_000);
like inflated(), qr/ 4\d\d$/, 'but not longer than 16 MiB when it is inflated';
is $client->request('GET', '/song/zip')->{content}, '10', 'which counts nothing';

# Slashes.
$client->request('POST', "/song/$_") for 'x//y', 'x/y', 'x%2Fy', 'x%2F/y';
is $client->request('GET', '/songs?prefix=x')->{content}, 'x//y=2,x/y=2',
    'slashes that httpd does not merge or decode are those of the id';

# A long root.
my $root = '/long-' . '%20' x 30_000 . '/plays';
my $answer = $client->request('GET', "$root/songs?limit=100", headers => ['Accept: application/json']);
is $answer->{status}, 200, 'a root longer than a piece of a listing';
is scalar(() = $answer->{content} =~ m{"href":"\Q$root\E/song/song%20\d+"}g), 100, 'begins its links';
$answer = $client->request('GET', "$root/song/1", headers => ['Accept: application/json']);
is $answer->{content}, qq({"song":"1","count":0,"href":"$root/song/1"}), 'and that of a song';

# Methods that httpd itself has.
is $client->request(@$_[0, 1])->{status}, $_->[2], "@$_[0, 1]"
    for ['TRACE', '/song/1', 405], ['CONNECT', 'x:80', 405], ['OPTIONS', '*', 200];

# JSON of millions of values is refused at the first that no batch may have.
is $client->request('POST', '/songs', content => $_, headers => ['Content-Type: application/json'])
    ->{status}, 400, 'millions of values: ' . substr $_, 0, 9
    for '[' . '1,' x 4_000_000 . '1]', '{"a":[' . '"\\"",' x 2_000_000 . '1]}';

unlike $server->error_log, qr/exit signal/, 'nobody died';

done_testing;
