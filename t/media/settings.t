# The directives: types, bitrate, song, seconds and window by location; lists of User-Agents
# and addresses; whose address it is behind a proxy; several addresses of one network.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $server = Playcount::Media::server(modules => ['alias', 'remoteip', 'env'], start => 0,
    config => <<'EOT');
AddType text/plain .txt
PlaycountZone default songs=100
PlaycountZone other songs=100
Alias /whole @root@/htdocs
Alias /bitrate @root@/htdocs
Alias /seconds @root@/htdocs
Alias /off @root@/htdocs
Alias /other @root@/htdocs
Alias /types @root@/htdocs
Alias /show @root@/htdocs
<Location /whole>
    PlaycountMediaBitrate whole
</Location>
<Location /bitrate>
    PlaycountMediaBitrate 8
</Location>
<Location /seconds>
    PlaycountMedia On seconds=5
</Location>
<Location /off>
    PlaycountMedia Off
</Location>
<Location /other>
    PlaycountUse other
    PlaycountMediaSong "episode %{REQUEST_FILENAME}"
</Location>
<Location /other/plays>
    SetHandler playcount
</Location>
<Location /types>
    PlaycountMediaTypes video/ text/plain
</Location>
<LocationMatch "^/show/(?<episode>[^.]+)">
    PlaycountMediaSong %{env:MATCH_EPISODE}
</LocationMatch>
PlaycountMediaAgents deny conf/bots.json
PlaycountMediaAgents allow conf/good
PlaycountMediaAddresses deny conf/bad-networks
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
EOT
$server->{songs} = undef;
my $root = $server->root;
my ($size) = Playcount::Media::make("$root/htdocs", 'cbr.mp3');
Playcount::Server::spew("$root/conf/bots.json",
    '[{"pattern": "[Ss]craper\\\\/", "url": "http://example.org/"}]');
Playcount::Server::spew("$root/conf/good", "GoodScraper\n");
Playcount::Server::spew("$root/conf/bad-networks", "192.0.2.0/24 # a data centre\n2001:db8:bad::/48\n");
$server->write_config;
$server->start;

my $n = 0;
sub get
{
    my ($path, @options) = @_;
    Playcount::Media::curl($server, $path, @options);
    return (split / /, (Playcount::Media::lines($server, ++$n))[-1])[0, 2];
}
sub verdict { return (get(@_))[0] }

is_deeply [get('whole/cbr.mp3', '-r', "0-" . ($size - 2))], ['open', $size], 'all but one byte of all';
is verdict('whole/cbr.mp3', '-r', '0-' . ($size - 1)), 'played', 'and that one';
is_deeply [get('bitrate/cbr.mp3', '-r', '1000-60999')], ['played', 60_000], '8 kbit/s: a minute is 60 kB';
my ($verdict, $need) = get('seconds/cbr.mp3', '-r', '1000-61999');
is $verdict, 'played', 'five seconds';
cmp_ok abs($need - 40_000), '<', 500, 'are about 40 kB of 64 kbit/s';

Playcount::Media::curl($server, 'off/cbr.mp3');
Playcount::Media::curl($server, 'types/cbr.mp3');
is verdict('other/cbr.mp3'), 'played', 'in another zone (and Off, or not of these types: nothing)';
my $songs = $server->get('/other/plays/songs')->{content};
is $songs, 'episode /other/cbr.mp3=1', 'a song by an expression' if $songs !~ /htdocs/;
like $songs, qr/^episode \S+=1$/, 'one song is there';
is verdict('show/cbr.mp3'), 'played', 'a song by a capture';
is Playcount::Media::plays($server, 'cbr'), 1, 'is what was captured';
Playcount::Server::spew("$root/htdocs/text.txt", 'x' x 100);
is verdict('types/text.txt'), 'played', 'other types, and a file that is no MP3: all of it';

# Lists.
is verdict('cbr.mp3', '-A', 'My-scraper/1.0'), 'bot', 'a listed User-Agent';
is verdict('cbr.mp3', '-A', 'GoodScraper/1.0'), 'played', 'one that is allowed all the same';
is verdict('cbr.mp3', '-H', 'X-Forwarded-For: 192.0.2.77'), 'bot', 'a listed address';
is verdict('cbr.mp3', '-H', 'X-Forwarded-For: 2001:db8:bad::1'), 'bot', 'and one of IPv6';

# Listeners behind a proxy.
is verdict('cbr.mp3', '-H', 'X-Forwarded-For: 198.51.100.1'), 'played', 'one behind a trusted proxy';
is verdict('cbr.mp3', '-H', 'X-Forwarded-For: 198.51.100.2'), 'played', 'another one';
is verdict('cbr.mp3', '-H', "X-Forwarded-For: 203.0.113.$_, 198.51.100.1"), 'again',
    'who writes such a header himself is no other one' for 1 .. 3;
is join(' ', map { verdict('cbr.mp3', '-H', "X-Forwarded-For: 2001:db8:1:2::$_") } 1 .. 14),
    join(' ', 'played', ('again') x 13), 'fourteen addresses of one /64';
is verdict('cbr.mp3', '-H', 'X-Forwarded-For: 2001:db8:1:3::1'), 'played', 'one of the next';
is verdict('cbr.mp3', '-H', 'X-Forwarded-For: ::ffff:198.51.100.2'), 'again',
    'an IPv4 address as IPv6';
my $played = 0;
for my $i (1 .. 10) {
    $played += verdict('cbr.mp3', '-A', 'Family/' . $i % 6, '-H', 'X-Forwarded-For: 198.51.100.9') eq 'played';
}
is $played, 6, 'ten downloads by six User-Agents at one address';

# Nobody is trusted.
my $open = Playcount::Media::server();
$n = 0;
Playcount::Media::make($open->root . '/htdocs', 'short.mp3');
Playcount::Media::curl($open, 'short.mp3', '-H', "X-Forwarded-For: 198.51.100.$_") for 1 .. 3;
Playcount::Media::lines($open, 3);
is Playcount::Media::plays($open, '/short.mp3'), 1, 'a forged X-Forwarded-For counts for nobody';

# What is wrong is refused at the start.
for (
    ['PlaycountMedia', 'PlaycountMedia needs On or Off'],
    ['PlaycountMedia Off seconds=5', 'PlaycountMedia needs On or Off'],
    ['PlaycountMedia On seconds=0', 'PlaycountMedia: seconds=0 is not a number of seconds; use 1 to 86400'],
    ['PlaycountMedia On window=week', q(PlaycountMedia: 'window=week' is not an option; use seconds=N and window=day)],
    ['PlaycountMediaTypes', 'PlaycountMediaTypes needs Content-Types'],
    ['PlaycountMediaBitrate fast', 'PlaycountMediaBitrate fast: give auto, whole, or kilobits'],
    ['PlaycountMediaSong "%{"', 'PlaycountMediaSong "%\{" is no valid expression'],
    ['PlaycountMediaTable', 'PlaycountMediaTable needs an option'],
    ['PlaycountMediaTable downloads=x', 'PlaycountMediaTable: downloads=x is not a number of downloads'],
    ['PlaycountMediaTable open=0', 'PlaycountMediaTable: open=0 is not a number of open downloads'],
    ['PlaycountMediaTable file=', 'PlaycountMediaTable: file= is not a path'],
    ['PlaycountMediaTable size=1', q(PlaycountMediaTable: 'size=1' is not an option)],
    ["<Location />\nPlaycountMediaTable open=5\n</Location>", 'PlaycountMediaTable'],
    ['PlaycountMediaAgents ban conf/x', q(PlaycountMediaAgents: 'ban' is neither deny nor allow)],
    ['PlaycountMediaAgents deny conf/none', 'PlaycountMediaAgents: \S+conf/none'],
    ['PlaycountMediaAddresses deny conf/none', 'PlaycountMediaAddresses: \S+conf/none'],
) {
    my ($line, $sentence) = @$_;
    my $wrong = Playcount::Server->new(start => 0, config => $line);
    my ($status, $said) = $wrong->check_config;
    isnt $status, 0, "$line is refused";
    like $said =~ s/\s+/ /gr, qr/$sentence/, 'with a sentence';
}
my $nowhere = Playcount::Server->new(start => 0,
    config => "PlaycountMedia On\nPlaycountMediaTable file=nowhere/media");
like $nowhere->refusal, qr/PlaycountMediaTable \(.*\): file=\S+nowhere\/media cannot be opened or made/,
    'a table that cannot be made is refused at the start';

done_testing;
