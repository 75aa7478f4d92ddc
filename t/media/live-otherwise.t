# What a play that counts while its response is on its way has to do with other ways of
# answering: through a proxy and by mod_xsendfile it counts then, too, and where it is enough
# with what the listener had before; for what only the whole
# of a response decides, and for a second request that was sent too early, at the end.
# What there is no room for is `full`, once.
use strict;
use warnings;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;
my $xsendfile = -e Playcount::Server::modules_dir() . '/mod_xsendfile.so';

my $NEED = 60 * 256_000 / 8;
my $BEYOND = 768 * 1024; # more than all buffers on the way

my $server = Playcount::Media::server(start => 0, songs => 12,
    modules => [qw(alias cgid proxy proxy_http), $xsendfile ? 'xsendfile' : ()]);
my $root = $server->root;
my ($front, $backend) = map { Playcount::Server::free_port() } 1 .. 2;
Playcount::Media::make("$root/htdocs", 'long.mp3');
for my $folder (qw(whole part sent parts first second full)) {
    mkdir "$root/htdocs/$folder" or die;
    link "$root/htdocs/long.mp3", "$root/htdocs/$folder/long.mp3" or die;
}
mkdir "$root/$_" or die for 'cgi', 'htdocs/hls';
# Not a link: what a file is is known by its inode.
Playcount::Media::make("$root/htdocs/hls", 'long.mp3');
Playcount::Server::spew("$root/cgi/sent",
    "#!/bin/sh\nprintf 'Content-Type: audio/mpeg\\nX-Sendfile: $root/htdocs/sent/long.mp3\\n\\n'\n");
chmod 0755, "$root/cgi/sent" or die;
Playcount::Server::spew("$root/htdocs/hls/list.m3u8",
    "#EXTM3U\n#EXT-X-TARGETDURATION:960\n#EXTINF:960,\nlong.mp3\n#EXT-X-ENDLIST\n");
$server->{config} .= <<"EOT";
AddType application/vnd.apple.mpegurl .m3u8
Timeout 600
<Location /whole>
    PlaycountMediaBitrate whole
</Location>
<Location /metrics>
    SetHandler playcount-metrics
</Location>
@{[$xsendfile ? "XSendFile On\nXSendFilePath $root/htdocs" : '']}
Listen 127.0.0.1:$front
<VirtualHost *:$front>
    ProxyPass / http://127.0.0.1:$backend/
    PlaycountMediaBitrate 256
</VirtualHost>
Listen 127.0.0.1:$backend
<VirtualHost *:$backend>
    PlaycountMedia Off
</VirtualHost>
ScriptSock cgid.sock
ScriptAlias /cgi/ $root/cgi/
EOT
$server->write_config;
$server->start;

sub plays { return Playcount::Media::plays($server, $_[0]) }
sub line
{
    my ($who) = @_;
    my $line;
    Playcount::Server::wait_until("a line about $who", sub {
        ($line) = grep { /"\Q$who\E"$/ && !/^- / } split /\n/, Playcount::Server::slurp("$root/logs/media");
        return $line;
    });
    return $line;
}
sub ask  { return Playcount::Media::ask(@_) }
sub take { return Playcount::Media::take(@_) }

# It counts while it is read.
sub counts
{
    my ($what, $port, $path, $song, @headers) = @_;
    my $before = plays($song);
    my $who = "Player/$what";
    my $socket = ask($port, $path, $who, @headers);
    take($socket, $NEED + $BEYOND);
    ok Playcount::Server::wait_until("$what counts", sub { plays($song) > $before }), "$what counts on its way";
    close $socket;
    like line($who), qr/^played /, 'and has played when it is logged';
    is plays($song), $before + 1, 'once';
}
counts('proxy', $front, '/long.mp3', '/long.mp3');
counts('proxy, a range', $front, '/long.mp3', '/long.mp3', 'Range: bytes=9000000-');
SKIP: {
    skip 'mod_xsendfile is not installed', 3 if !$xsendfile;
    counts('mod_xsendfile', $server->port, '/cgi/sent', '/cgi/sent');
}

# A listener who comes back for the rest.
{
    my @who = ($server->port, '/part/long.mp3', 'Player/part');
    is take(ask(@who, 'Range: bytes=0-999999', 'Connection: close'), 1 << 40) > 1_000_000, 1, 'a first part';
    like line('Player/part'), qr/^open /, 'is not enough';
    my $socket = ask(@who, 'Range: bytes=900000-', 'Connection: close');
    take($socket, $NEED - 1_000_000 + $BEYOND);
    ok Playcount::Server::wait_until('the rest counts', sub { plays('/part/long.mp3') }),
        'the rest is, on its way: together they are';
    take($socket, 1 << 40);
    is scalar(grep { m{^played 900000-\d+ \d+ 206 /part} } Playcount::Media::lines($server, 0)), 1, 'it has played';
    is plays('/part/long.mp3'), 1, 'once';
}

# It does not.
sub waits
{
    my ($what, $path, $song, @headers) = @_;
    my $who = "Player/$what";
    my $socket = ask($server->port, $path, $who, 'Connection: close', @headers);
    take($socket, $NEED + $BEYOND);
    is plays($song), 0, "$what: no play on its way";
    take($socket, 1 << 40);
    like line($who), qr/^played /, 'but at its end';
    is plays($song), 1, 'once';
}
waits('the whole file', '/whole/long.mp3', '/whole/long.mp3');
waits('several ranges', '/parts/long.mp3', '/parts/long.mp3', 'Range: bytes=0-9999999,10000001-');
waits('a segment of HLS', '/hls/long.mp3', '/hls/list.m3u8');
is plays('/hls/long.mp3'), 0, 'of which no bytes count';

# Two requests at once: the second one's answer begins while the first one's is not out yet.
my $socket = Playcount::Media::connection($server->port);
ask($socket, '/first/long.mp3', 'Player/first');
ask($socket, '/second/long.mp3', 'Player/second', 'Connection: close');
take($socket, $NEED + $BEYOND);
ok Playcount::Server::wait_until('the first one counts', sub { plays('/first/long.mp3') }),
    'the first of two requests counts on its way';
take($socket, 1 << 40);
like line("Player/$_"), qr/^played /, "the $_ one has played" for 'first', 'second';
is plays("/$_/long.mp3"), 1, 'once' for 'first', 'second';

# The zone is full.
for (my $n = 0; $server->post("/plays/song/other$n")->{status} == 200; $n++) { }
my $counters = sub {
    return Cpanel::JSON::XS::decode_json($server->get('/metrics?format=json')->{content})->{media}{deliveries};
};
my $before = $counters->();
$socket = ask($server->port, '/full/long.mp3', 'Player/full', 'Connection: close');
take($socket, $NEED + $BEYOND);
is plays('/full/long.mp3'), 0, 'a full zone takes no play';
take($socket, 1 << 40);
like line('Player/full'), qr/^full /, 'which the log says at the end';
my $after = $counters->();
is $after->{full} - $before->{full}, 1, 'and the counters, once';
is $after->{played}, $before->{played}, 'it has not played';
$server->delete('/plays/song/other0');
counts('with room again', $server->port, '/full/long.mp3', '/full/long.mp3');
is $counters->()->{played}, $before->{played} + 1, 'what counts on its way is in the counters once';

done_testing;
