# Media that no file of httpd's own stands behind: a CGI script, mod_xsendfile, mod_cache. They
# count when type and length are known; whoever sends a file from the disk has it measured.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;
my $xsendfile = -e Playcount::Server::modules_dir() . '/mod_xsendfile.so';

my $server = Playcount::Media::server(start => 0,
    modules => [qw(alias env cgid proxy proxy_http cache cache_disk), $xsendfile ? 'xsendfile' : ()]);
my $root = $server->root;
my ($slow, $section, $files) = map { Playcount::Server::free_port() } 1 .. 3;
my %size;
@size{qw(cbr cover short)} = Playcount::Media::make("$root/htdocs", qw(cbr.mp3 cover.mp3 short.mp3));
# What is old stays in a cache for a while.
utime time, time - 864_000, "$root/htdocs/cover.mp3" or die $!;
mkdir $_ or die "$_: $!" for "$root/cgi", "$root/cache";
chown scalar(getpwnam 'www-data'), -1, "$root/cache" if $> == 0;

sub script
{
    my ($name, $text) = @_;
    Playcount::Server::spew("$root/cgi/$name", "#!/bin/sh\n$text\n");
    chmod 0755, "$root/cgi/$name" or die $!;
}
my $file = "$root/htdocs/cbr.mp3";
script('length', qq(printf 'Content-Type: audio/mpeg\\nContent-Length: $size{cbr}\\n\\n'; cat $file));
script('no-length', qq(printf 'Content-Type: audio/mpeg\\n\\n'; cat $file));
script('text', qq(printf 'Content-Type: text/plain\\nContent-Length: $size{cbr}\\n\\n'; cat $file));
# One that knows ranges itself: "bytes=A-B", both said.
script('ranges', <<"EOT");
range=\${HTTP_RANGE#bytes=}; from=\${range%-*}; to=\${range#*-}; n=\$((to - from + 1))
printf 'Status: 206\\nContent-Type: audio/mpeg\\nContent-Length: %s\\nContent-Range: bytes %s-%s/$size{cbr}\\n\\n' \$n \$from \$to
tail -c +\$((from + 1)) $file | head -c \$n
EOT
script('sendfile', qq(printf 'Content-Type: audio/mpeg\\nX-Sendfile: $root/htdocs/%s\\n\\n' "\$QUERY_STRING"));

sub in_section
{
    my ($port, $quick) = @_;
    return <<"EOT";
Listen 127.0.0.1:$port
<VirtualHost *:$port>
    PlaycountMedia Off
    CacheQuickHandler $quick
    CacheEnable disk /kept
    ProxyPass /kept http://127.0.0.1:$files
    <Location /kept>
        PlaycountMedia On
    </Location>
</VirtualHost>
EOT
}

$server->{config} .= <<"EOT";
LogFormat "%^Pv %^Px %^Pt %{X-Cache}o %{User-Agent}i" handlers
CustomLog logs/handlers handlers
ScriptSock cgid.sock
ScriptAlias /cgi/ $root/cgi/
ScriptAlias /cgi64/ $root/cgi/
# Without this httpd takes the length out of what a script says.
<Location /cgi/length>
    SetEnv ap_trust_cgilike_cl yes
</Location>
<Location /cgi64>
    PlaycountMediaBitrate 64
</Location>
@{[$xsendfile ? "XSendFile On\nXSendFilePath $root/htdocs" : '']}
CacheRoot $root/cache
CacheHeader On
CacheMaxFileSize 100000000
CacheEnable disk /kept
ProxyPass /kept http://127.0.0.1:$files
# Counted in a section only; with the quick handler and without.
@{[in_section($section, 'On'), in_section($slow, 'Off')]}
Listen 127.0.0.1:$files
<VirtualHost *:$files>
    PlaycountMedia Off
    CustomLog /dev/null handlers
</VirtualHost>
EOT
$server->write_config;
$server->start;

my $agent = 0;
# What the log says of a new listener's requests, each a path (or URL) and options of curl.
sub lines
{
    my @requests = @_;
    my $who = 'Player/' . ++$agent . '/';
    Playcount::Media::curl($server, @$_, '-A', $who) for @requests;
    my @lines;
    Playcount::Server::wait_until("lines about $who", sub {
        @lines = grep { / \Q$who\E$/ } split /\n/, Playcount::Server::slurp("$root/logs/handlers");
        return @lines >= @requests;
    });
    return map { [split / /] } @lines;
}
sub verdicts { return join ' ', map { $_->[0] } lines(@_) }

is verdicts(['cgi/length']), 'played', 'CGI with a length: all of it';
is verdicts(['cgi/length', '-r', '0-99999']), 'played', 'which is what it sends, whatever range was asked for';
is verdicts(['cgi/no-length']), 'skipped', 'CGI without a length';
like $server->error_log, qr{media: skipped, song /cgi/no-length.*: its length is not known}, 'does not count, for that reason';
is verdicts(['cgi/text']), '-', 'CGI that sends no media';
is verdicts(['cgi/ranges', '-r', '0-399999'], ['cgi/ranges', '-r', '300000-' . ($size{cbr} - 1)]), 'open played',
    'CGI that knows ranges: two that are all of it';
is verdicts(['cgi64/ranges', '-r', '0-399999'], ['cgi64/ranges', '-r', '300000-479999']), 'open played',
    'with a bitrate: a minute of it';

my ($measured) = map { $_->[2] } lines(['cbr.mp3']);
SKIP: {
    skip 'mod_xsendfile is not installed', 4 if !$xsendfile;
    my ($line) = lines(['cgi/sendfile?cbr.mp3']);
    is $line->[0], 'played', 'mod_xsendfile';
    is $line->[2], $measured, 'has the file measured';
    is verdicts(['cgi/sendfile?cover.mp3', '-r', '0-500000']), 'open', 'and knows its picture';
    is verdicts(['cgi/sendfile?short.mp3', '-r', '0-999'], ['cgi/sendfile?short.mp3', '-r', '1000-']), 'open played',
        'two ranges of a short one';
}

# mod_cache: the first time the proxy's, then the cached one.
for my $case (['', 'with the quick handler, counted in the whole server'], ["http://127.0.0.1:$slow/", 'without the quick handler']) {
    my ($where, $what) = @$case;
    my $url = $where . 'kept/cover.mp3';
    my ($miss) = lines([$url]);
    is $miss->[0], 'played', "$what: as it comes";
    my ($hit) = lines([$url]);
    like $hit->[3], qr/^HIT/, 'then it is in the cache';
    is $hit->[0], 'played', 'and counts for another listener';
    is verdicts([$url, '-r', '0-500000']), 'open', 'for whom the picture is not enough';
}
my $unseen = "http://127.0.0.1:$section/kept/cover.mp3";
is verdicts([$unseen]), 'played', 'with the quick handler, counted in a section: as it comes';
my ($hit) = lines([$unseen]);
is "$hit->[0] $hit->[3]", '- HIT', 'out of the cache it is not seen';

done_testing;
