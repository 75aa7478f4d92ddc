# HLS: distinct segments of a presentation that play for a minute are one play of the
# presentation; a playlist or a segment by itself is none.
use strict;
use warnings;
use Test::More;
use Playcount::Command qw(playcount);
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $server = Playcount::Media::server(config => <<'EOF');
AddType video/mp2t .ts
AddType application/vnd.apple.mpegurl .m3u8
PlaycountMediaTypes audio/ video/ application/vnd.apple.mpegurl
LogFormat "%a %t \"%r\" %>s %B \"%{User-Agent}i\" %^Pv %^Px %^Pt \"%^Pi\"" replay
CustomLog logs/replay replay
<Location "/named">
    PlaycountMediaSong "the named one"
</Location>
EOF
my $htdocs = $server->root . '/htdocs';
my $tone = 'sine=frequency=440:sample_rate=22050';

# An audio presentation in $dir, of so many seconds, in segments of six.
sub make
{
    my ($dir, $seconds, @options) = @_;
    mkdir "$htdocs/$dir" or die "$dir: $!";
    system('ffmpeg', qw(-nostdin -loglevel error -f lavfi -i), "$tone:duration=$seconds",
        qw(-c:a aac -b:a 48k -f hls -hls_time 6 -hls_playlist_type vod -hls_segment_filename),
        "$htdocs/$dir/%d.ts", @options, "$htdocs/$dir/index.m3u8") == 0 or die "ffmpeg: $?";
}
mkdir "$htdocs/show" or die;
make('show/low', 100);
make('show/high', 100, qw(-b:a 96k));
make('short', 20);
make('named', 100);
Playcount::Server::spew("$htdocs/show/master.m3u8", <<'EOF');
#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=48000,CODECS="mp4a.40.2"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=96000,CODECS="mp4a.40.2"
high/index.m3u8
EOF
Playcount::Server::spew("$htdocs/lost.ts", 'x' x 1000);

my ($n, $agent) = (0, 0);

# The verdicts on a new listener's requests: paths, or [path, options of curl].
sub listener
{
    my @agent = ('-A', 'Player/' . ++$agent);
    my @got;
    for my $request (@_) {
        my ($path, @options) = ref $request ? @$request : $request;
        Playcount::Media::curl($server, $path, @agent, @options);
        push @got, (split / /, (Playcount::Media::lines($server, ++$n))[-1])[0];
    }
    return "@got";
}
sub plays { return Playcount::Media::plays($server, $_[0]) }
sub repeated { my ($word, $n) = @_; return join ' ', ($word) x $n }

is listener('show/master.m3u8', 'show/low/index.m3u8'), 'skipped skipped', 'playlists never count';
is listener(map { "show/low/$_.ts" } 0 .. 11), repeated('open', 9) . ' played again again',
    'the tenth segment of six seconds makes a minute';
is plays('/show/master.m3u8'), 1, 'it is a play of the presentation';
is listener(('show/low/3.ts') x 12), repeated('open', 12), 'the same segment again and again';
is listener((map { "show/low/$_.ts" } 0 .. 4), map { "show/high/$_.ts" } 0 .. 4), repeated('open', 10),
    'the same half a minute in two qualities';
is listener((map { "show/low/$_.ts" } 0 .. 4), map { "show/high/$_.ts" } 5 .. 9), repeated('open', 9) . ' played',
    'a minute in two qualities';
is plays('/show/master.m3u8'), 2, 'counts';
is listener(map { [ "show/low/$_.ts", '-r', '0-5000' ] } 0 .. 15), repeated('open', 16), 'beginnings of segments';
is listener(map { "short/$_.ts" } 0 .. 3), 'open open open played', 'all of a short presentation';
is plays('/short/index.m3u8'), 1, 'without a master the list is the presentation';
is listener('lost.ts'), 'skipped', 'a segment of which there is no playlist';
is listener(map { "named/$_.ts" } 0 .. 9), repeated('open', 9) . ' played', 'PlaycountMediaSong';
is plays('the%20named%20one'), 1, 'names the presentation';
is listener([ 'show/low/0.ts', '-r', '0-1' ]), 'probe', 'a probe';

# A real player.
system('ffmpeg', qw(-nostdin -loglevel error -i), $server->url('/show/master.m3u8'), qw(-f null -)) == 0
    or die "ffmpeg: $?";
Playcount::Server::wait_until('the player is in the log', sub {
    my @lines = Playcount::Server::slurp($server->root . '/logs/media') =~ /^played .* "?Lavf/mg;
    return plays('/show/master.m3u8') == 3;
});
is plays('/show/master.m3u8'), 3, 'ffmpeg plays it: one play';

# And its log.
my $run = playcount('replay', '--media', '--dry-run', $server->root . '/logs/replay');
my %replayed = map { /^\S+ (.*)=(\d+)$/ ? ($1 => $2) : () } split /\n/, $run->{out} =~ s/%20/ /gr;
is_deeply \%replayed, { '/show/master.m3u8' => 3, '/short/index.m3u8' => 1, 'the named one' => 1 },
    'a replay of the log counts the same' or diag $run->{out}, $run->{err};

done_testing;
