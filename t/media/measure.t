# How many bytes of real files are a minute: the rules' own parsers, with TagLib and the
# files' known lengths to compare with.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use Test::More;
use Playcount::MediaFiles qw(make);
use Playcount::Server;

my $missing = Playcount::MediaFiles::missing();
plan skip_all => $missing if $missing;
my $tools = abs_path(dirname(__FILE__)) . '/../../build/t/media';
my $temp = File::Temp->newdir('playcount-media-XXXXXX', DIR => '/tmp');
my @names = qw(cbr.mp3 plain.mp3 vbr.mp3 cover.mp3 short.mp3 audio.m4a tail.m4a parts.m4a film.mp4);
make($temp, @names);

sub words_of
{
    open my $out, '-|', @_ or die "$_[0]: $!";
    my $line = <$out>;
    return split ' ', $line;
}

# size, begin, end, need, milliseconds
sub measure { return words_of("$tools/measure", @_) }

my @minute = grep { !/short|parts/ } @names;
for my $name (@minute) {
    my ($size, $begin, $end, $need, $ms) = measure('auto', 60, "$temp/$name");
    cmp_ok abs($ms - 100_000), '<', 120, "$name plays 100 seconds ($ms ms)";
    my $media = $name =~ /mp3/ ? $size - $begin : $need * $ms / 60_000;
    cmp_ok abs($need - 60_000 * $media / $ms), '<=', 20, "$name: a minute is $need bytes of $media";
    cmp_ok $end - $begin, '<=', $size, "$name: of those from $begin to $end";
    SKIP: {
        skip 'no TagLib here', 2 if !-x "$tools/oracle";
        my ($seconds, $kbits) = words_of("$tools/oracle", "$temp/$name");
        cmp_ok abs($ms / 1000 - $seconds), '<=', 1, "$name: TagLib says $seconds seconds";
        skip 'the bitrate of the sound is not that of the film', 1 if $name eq 'film.mp4';
        cmp_ok abs($need * 8 / 60_000 - $kbits), '<=', 1 + $kbits * 0.02, "$name: and $kbits kbit/s";
    }
}

my @cover = measure('auto', 60, "$temp/cover.mp3");
cmp_ok $cover[1], '>', 250_000, 'a picture in the ID3 tag is not media';
is((measure('auto', 60, "$temp/plain.mp3"))[3], 960_000, 'a minute at 128 kbit/s');
is((measure('auto', 30, "$temp/plain.mp3"))[3], 480_000, 'half of it is 30 seconds');
my ($size, $begin, $end, $need) = measure('auto', 60, "$temp/tail.m4a");
my $bytes = Playcount::Server::slurp("$temp/tail.m4a");
is substr($bytes, $begin - 4, 4), 'mdat', 'the media of an MP4 begins behind the name of its mdat';
is $end - $begin + 8, unpack('N', substr $bytes, $begin - 8, 4), 'and is as long as that says';
is_deeply [(measure('auto', 60, "$temp/audio.m4a"))[3]], [$need], 'wherever the box is';

for my $name (qw(short.mp3 parts.m4a)) {
    my $all = -s "$temp/$name";
    is_deeply [(measure('auto', 60, "$temp/$name"))[0 .. 3]], [$all, 0, $all, $all],
        "all of $name is needed: " . ($name =~ /short/ ? 'nine seconds' : 'it does not say how long it is');
}
is_deeply [(measure('auto', 9, "$temp/short.mp3"))[3] < -s "$temp/short.mp3"], [1],
    'fewer seconds are found in nine';

my $all = -s "$temp/cbr.mp3";
is_deeply [(measure('whole', 60, "$temp/cbr.mp3"))[1 .. 3]], [0, $all, $all], 'whole';
is((measure('64', 60, "$temp/cbr.mp3"))[3], 480_000, 'a bitrate that is configured');
is_deeply [(measure('64', 60, "$temp/cover.mp3"))[1, 3]], [$cover[1], 480_000], 'behind the tag too';
is((measure('1000', 60, "$temp/cbr.mp3"))[3], $all, 'more than there is: all of it');

# What is no media, or was cut off, is needed whole.
my %odd = (
    'empty'       => '',
    'text'        => "not media at all\n" x 1000,
    'only a tag'  => "ID3\4\0\0\0\0\1\0" . "\0" x 128,
    'a long tag'  => "ID3\4\0\0\x7f\x7f\x7f\x7f" . "\0" x 128,
    'only boxes'  => pack('Na4', 8, 'ftyp') . pack('Na4', 8, 'mdat'),
    'no end'      => pack('Na4', 8, 'ftyp') . pack('Na4', 5000, 'mdat') . 'x' x 100,
    'cut moov'    => substr($bytes, 0, length($bytes) - 1000),
    'sync only'   => "\xff\xfb\x90\x00" x 3,
    'zeros'       => "\0" x 100_000,
    'all sync'    => "\xff\xfb" x 50_000,
);
for my $name (sort keys %odd) {
    Playcount::Server::spew("$temp/odd", $odd{$name});
    my $n = length $odd{$name};
    is_deeply [(measure('auto', 60, "$temp/odd"))[0 .. 3]], [$n, 0, $n, $n || 1], "$name: all of it";
}

done_testing;
