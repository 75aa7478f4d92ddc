# What counts as one play of one listener: probes, ranges, unions, bots, watches, and files
# of every kind, with a real client.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $server = Playcount::Media::server(config => <<'EOF');
SetEnvIf Referer "/preview" playcount-skip
EOF
my %size;
@size{qw(cbr vbr short cover audio)} = Playcount::Media::make($server->root . '/htdocs',
    qw(cbr.mp3 vbr.mp3 short.mp3 cover.mp3 audio.m4a));

my $n = 0; # deliveries so far
my $agent = 0;

# A new listener's requests for a file, each a list of curl's options, and the verdicts.
sub listener
{
    my ($file, $verdicts, $what, @requests) = @_;
    my @agent = ('-A', 'Player/' . ++$agent);
    my @got;
    for my $request (@requests) {
        Playcount::Media::curl($server, $file, @agent, @$request);
        push @got, (split / /, (Playcount::Media::lines($server, ++$n))[-1])[0];
    }
    is "@got", $verdicts, $what;
}

# Whatever this adds to the plays of a file.
sub adds
{
    my ($file, $want, $what, $code) = @_;
    my $before = Playcount::Media::plays($server, "/$file");
    $code->();
    is Playcount::Media::plays($server, "/$file") - $before, $want, "$what: counts $want";
}

adds('cbr.mp3', 1, 'a probe, then all', sub {
    listener('cbr.mp3', 'probe played again', 'a probe, all, and a part again',
        ['-r', '0-1'], [], ['-r', '5000-']);
});
adds('cbr.mp3', 1, 'twenty ranges', sub {
    my $step = int($size{cbr} / 20) + 1;
    listener('cbr.mp3', join(' ', ('open') x 11, 'played', ('again') x 8),
        'a download manager takes it in twenty ranges',
        map { ['-r', $step * $_ . '-' . ($step * ($_ + 1) - 1)] } 0 .. 19);
});
adds('cbr.mp3', 0, 'the same range again and again', sub {
    listener('cbr.mp3', 'open open open', 'what is fetched twice is one',
        (['-r', '0-299999']) x 3);
});
adds('cbr.mp3', 0, 'many small ranges', sub {
    listener('cbr.mp3', join(' ', ('open') x 30), 'a few bytes each',
        map { ['-r', $_ * 1000 . '-' . ($_ * 1000 + 9)] } 1 .. 30);
});
adds('cbr.mp3', 0, 'only 0-0', sub {
    listener('cbr.mp3', 'probe probe', 'only probes', (['-r', '0-0']) x 2);
});
adds('cbr.mp3', 1, 'several ranges at once', sub {
    listener('cbr.mp3', 'open played', 'multipart/byteranges', ['-r', '0-99,1000-250999'],
        ['-r', '300000-399999,400000-640000']);
});
adds('cbr.mp3', 0, 'a suffix', sub {
    listener('cbr.mp3', 'open', 'the last bytes', ['-r', '-100000']);
});
adds('cbr.mp3', 0, 'HEAD', sub {
    listener('cbr.mp3', 'skipped', 'HEAD is no delivery', ['-I']);
});
adds('cbr.mp3', 0, 'a condition that says not modified', sub {
    my $date = HTTP::Tiny->new->_http_date((stat $server->root . '/htdocs/cbr.mp3')[9]);
    listener('cbr.mp3', 'skipped', 'the status 304', ['-H', "If-Modified-Since: $date"]);
});
adds('cbr.mp3', 0, 'a preview', sub {
    listener('cbr.mp3', 'skipped', 'the configuration says so',
        ['-e', 'http://127.0.0.1/preview']);
});
adds('cbr.mp3', 0, 'a prefetch', sub {
    listener('cbr.mp3', 'prefetch', 'a browser that prefetches',
        ['-H', 'Sec-Purpose: prefetch']);
});
adds('vbr.mp3', 1, 'a variable bitrate', sub {
    listener('vbr.mp3', 'played', 'a variable bitrate', []);
});
adds('audio.m4a', 1, 'M4A', sub {
    listener('audio.m4a', 'open played', 'M4A in two halves',
        ['-r', '0-' . int($size{audio} / 2)], ['-r', int($size{audio} / 2) . '-']);
});
adds('short.mp3', 1, 'a short file, whole', sub {
    listener('short.mp3', 'played', 'nine seconds, whole', []);
});
adds('short.mp3', 0, 'a short file, half of it', sub {
    listener('short.mp3', 'open', 'nine seconds, half of them',
        ['-r', '0-' . int($size{short} / 2)]);
});
adds('cover.mp3', 0, 'the cover only', sub {
    listener('cover.mp3', 'open open', 'the picture before the sound is none of it',
        ['-r', '0-119999'], ['-r', '0-500000']);
});
adds('cbr.mp3', 3, 'a query', sub {
    listener('cbr.mp3?a=1', 'played again', 'the query tells nobody apart', [], []);
    listener('cbr.mp3?a=2', 'played', 'with another one', []);
    listener('cbr.mp3', 'played', 'without', []);
});

# User-Agents.
my @agents = (
    ['', 'bot', 'an empty User-Agent'],
    ['atc/1.0 watchOS/6.1.1 model/Watch4,4 hwp/t8006 build/17S445 (6; dt:191)', 'bot',
        'the watch downloads for itself'],
    ['Podcasts/1430.46 (null)/(null) watchOS/6.1.1 model/Watch4,4', 'bot', 'the same'],
    ['AppleCoreMedia/1.0.0.17S84 (Apple Watch; U; CPU OS 6_0 like Mac OS X; en_us) (null)/(null) watchOS/6',
        'played', 'the watch plays'],
    ['Googlebot/2.1 (+http://www.google.com/bot.html)', 'bot', 'a well-known bot'],
);
for (@agents) {
    my ($name, $verdict, $what) = @$_;
    my @header = $name eq '' ? ('-H', 'User-Agent:') : ('-A', $name);
    Playcount::Media::curl($server, 'vbr.mp3', @header);
    is((split / /, (Playcount::Media::lines($server, ++$n))[-1])[0], $verdict, $what);
}

# A missing file that is polled.
Playcount::Media::curl($server, 'missing.mp3') for 1 .. 3;
is Playcount::Media::plays($server, '/missing.mp3'), 0, 'a missing file does not count';

# Something that is no media.
Playcount::Server::spew($server->root . '/htdocs/page.html', 'x' x 100_000);
Playcount::Media::curl($server, 'page.html');
is scalar(() = Playcount::Media::lines($server, $n)), $n, 'a page is no media';

# What happened is in the error log, for LogLevel playcount:debug.
like $server->error_log, qr{media: probe, song -.*: no range is longer than two bytes},
    'LogLevel playcount:debug says why';

done_testing;
