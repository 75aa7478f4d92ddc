# Whatever is sent, for SECONDS (120): random requests to all that the module serves at once
# (counter, metrics, media, recorder, HTTP/2 in clear, the lane), many of them broken at
# random, in pieces, cut off, pipelined, while the server restarts gracefully. Nobody dies,
# and what the metrics say can be read. Under AddressSanitizer:
#
#     T=t/soak/anything-goes.t tools/sanitize httpd-address
#
# SEED repeats the requests, though not their moments.
use strict;
use warnings;
use Test::More;
use IO::Socket::INET;
use JSON::PP ();
use Playcount::Server;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{SECONDS} || 120;
my $seed = $ENV{SEED} || time ^ $$;
note "SEED=$seed SECONDS=$seconds";
srand $seed;

my $CONFIG = <<'EOT';
PlaycountZone default songs=1k file=@root@/zone
PlaycountZone tiny songs=5
PlaycountMetrics On
PlaycountRoutes 8
PlaycountMedia On
PlaycountMediaTable downloads=100 open=100 file=@root@/media
TypesConfig /dev/null
AddType audio/mpeg .mp3
AddType audio/mp4 .mp4
AddType application/vnd.apple.mpegurl .m3u8
AddType video/mp2t .ts
LogFormat "%h \"%r\" %>s %^Pv %^Px %^Pt %^Pi" media
CustomLog logs/media media
LimitRequestBody 0
Protocols h2c http/1.1
RequestReadTimeout header=5 body=5
<Location /plays>
    SetHandler playcount
</Location>
<LocationMatch "^/m[0-9]+/">
    SetHandler playcount
    PlaycountUse tiny
</LocationMatch>
<Location /metrics>
    SetHandler playcount-metrics
</Location>
EOT

# --- what is sent ---

my @methods = (qw(GET GET GET POST POST HEAD DELETE OPTIONS PUT TRACE CONNECT FOO get));
my @paths = (map({ "/plays$_" } '', '/', qw(/song/1 /song/a%20b /song/%E2%82%AC /song/%00 /song/%zz /song//x/../y
    /songs /songs?top=5 /songs?prefix=a /songs?after=1&limit=3 /handoff /handoff/1 /handoff/99999999999999999999
    /../plays/song/1), '/song/' . 'x' x 255, '/song/' . 'x' x 256, '/song/' . 'x' x 8000),
    map({ "/metrics$_" } '', qw(?format=json ?format=prometheus ?format=protobuf ?format=live ?format=songs
    ?format=live&route=0&since=5 ?since=1e300 ?file=x)),
    qw(/m1/song/x /m2/ /a.mp3 /b.mp3 /c.mp4 /hls/i.m3u8 /hls/0.ts /hls/1.ts / /none * http://x/plays/song/1 //plays/song/1));
my @headers = ('Accept: application/json', 'Accept: text/plain;q=1e300, */*;q=-1', 'Accept: application/json;q=0,text/*',
    (map { "Range: bytes=$_" } '0-', '0-0,2-3,5-', '-5', '99999999999999999999-', '0-' . '0-,' x 50), 'If-Range: "x"',
    (map { "Idempotency-Key: $_" } 'a', 'k' x 255, 'k' x 256, '', 'a, b'),
    (map { "Content-Type: $_" } qw(application/json text/plain application/x-www-form-urlencoded x/y)),
    'Content-Encoding: gzip', 'Expect: 100-continue', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked',
    (map { "Content-Length: $_" } '5', '-1', '5, 5'), 'Connection: close', 'Upgrade: h2c',
    'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAAP__', 'User-Agent: curl',
    'User-Agent: ' . "\xff" x 40, 'Cookie: a=b', 'Authorization: Basic dTpw', 'TE: trailers', "X:\x1b[31m",
    "Folded: a\r\n b", 'Bad Header: x', 'NoColon');
my @bodies = ('1=3,5=2', '{"1":3,"5":2}', '{"a":1e5}', '{"\ud800":1}', '{"a":' x 500, '[1]', 'a=9223372036854775807',
    '%41=1&b=2', "\xef\xbb\xbf1=1\r\n", 'x' x 3000, '1=3,' x 3000, '{"' . '\u0041' x 260 . '":1}', "\0\0\0");

sub any { return $_[rand @_] }

sub broken
{
    my ($bytes) = @_;

    for (0 .. rand 3) {
        my $at = int rand(length($bytes) + 1);
        my $what = int rand 3;
        substr($bytes, $at, $what == 1 ? 1 : $what == 2 ? int rand 5 : 0) = $what == 2 ? ''
            : any("\r\n", "\0", ' ', '%', '?', '&', '=', ',', '0', '/', '"', '-', chr rand 256);
    }
    return $bytes;
}

sub request
{
    my @lines = (any(@methods) . ' ' . any(@paths) . any((' HTTP/1.1') x 4, ' HTTP/1.0', '', ' HTTP/2.0'),
        rand() < .9 ? 'Host: x' : (), map { any(@headers) } 1 .. rand 4);
    my $body = rand() < .5 ? any(@bodies) : '';

    if ($body ne '' && rand() < .5) {
        push @lines, 'Content-Length: ' . length $body;
    }
    elsif ($body ne '') {
        push @lines, 'Transfer-Encoding: chunked';
        $body = sprintf "%x\r\n%s\r\n%s", length $body, $body, any(("0\r\n\r\n") x 4, "ZZ\r\n", "0\r\nX: y\r\n\r\n", "-1\r\n");
    }
    my $bytes = join "\r\n", @lines, '', $body;
    return rand() < .3 ? broken($bytes) : $bytes;
}

# Some that the lane knows first, then anything.
sub connection
{
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return 0;
    my $known = any('GET /plays/song/1', 'POST /plays/song/1', 'HEAD /plays/song/1') . " HTTP/1.1\r\nHost: x\r\n\r\n";
    my $bytes = ($known x int rand 5) . join '', my @requests = map { request() } 0 .. rand 4;

    for (my $at = 0; $at < length $bytes;) {
        my $n = 1 + int rand(rand() < .3 ? 20 : length $bytes);
        defined syswrite $socket, substr($bytes, $at, $n) or last;
        $at += $n;
        sleep .001 if rand() < .05;
    }
    shutdown $socket, 1 if rand() < .7;
    my $end = time + (rand() < .1 ? 0 : 3);
    while (time < $end) {
        vec(my $ready = '', fileno $socket, 1) = 1;
        last if !select($ready, undef, undef, .5) || !sysread $socket, my $answer, 65536;
    }
    return scalar @requests;
}

# --- the servers ---

sub files
{
    my ($htdocs) = @_;

    mkdir "$htdocs/hls" or die $!;
    Playcount::Server::spew("$htdocs/a.mp3", join '', map { chr rand 256 } 1 .. 50000);
    Playcount::Server::spew("$htdocs/b.mp3", ("\xff\xfb\x90\x00" . "\0" x 413) x 300);
    Playcount::Server::spew("$htdocs/c.mp4", pack('Na4a4Na4Na4', 24, 'ftyp', 'isom', 0, 'mp42', 1 << 30, 'moov') . 'x' x 5000);
    Playcount::Server::spew("$htdocs/hls/$_.ts", 'x' x 3000) for 0, 1;
    return;
}

sub playlist
{
    return broken("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n#EXT-X-BYTERANGE:9999999999\@5\n#EXTINF:-1e300,\n"
            . "../../../etc/passwd\n#EXTINF:3,\n1.ts\n");
}

for my $case (['event', "PlaycountRecorder records max-body=2000 keep=50\n"], map { [$_, "PlaycountLane On unlogged\n"] }
    qw(event worker prefork)) {
    my ($mpm, $more) = @$case;
    my ($name) = "$mpm, $more" =~ /^(\S+ \S+)/;
    my $server = Playcount::Server->new(mpm => $mpm, processes => $mpm eq 'prefork' ? 6 : 2, location => undef,
        start => 0, modules => [qw(status reqtimeout mime http2)], config => $CONFIG . $more);
    files(my $htdocs = $server->root . '/htdocs');
    $server->start;
    my $end = time + $seconds / 4;
    my @clients = map {
        my $own = ++$seed;
        Playcount::Process::begin({}, sub {
            $SIG{PIPE} = 'IGNORE';
            srand $own;
            connection($server->port) while time < $end;
        });
    } 1 .. 3;
    while (time < $end) {
        sleep 1;
        Playcount::Server::spew("$htdocs/hls/i.m3u8", playlist());
        $server->graceful(old_may_stay => 1) if rand() < .1;
    }
    waitpid $_, 0 for @clients;
    is $server->get('/plays/song/1')->{status}, 200, "$name: it serves";
    unlike $server->get('/metrics?format=prometheus')->{content}, qr/[\x00-\x09\x0b-\x1f\x7f]/,
        "$name: no control character in the metrics";
    for my $format ('json', 'live', 'songs') {
        ok eval { JSON::PP->new->utf8->decode($server->get("/metrics?format=$format")->{content}) }, "$name: format=$format is JSON";
    }
    unlike $server->error_log, qr/exit signal|:emerg\]|:alert\]/, "$name: nobody died";
}

done_testing;
