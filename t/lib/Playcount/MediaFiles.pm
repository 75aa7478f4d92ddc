package Playcount::MediaFiles;

# Real media files, made by lame and ffmpeg, each once a process:
#
#     my $missing = Playcount::MediaFiles::missing();    # a sentence, or nothing
#     Playcount::MediaFiles::make($dir, qw(cbr.mp3 short.mp3));
#
#     cbr.mp3      100 s, 64 kbit/s, with an Info header
#     plain.mp3    100 s, 128 kbit/s, no header
#     vbr.mp3      100 s, of varying bitrate, with a Xing header
#     cover.mp3    cbr.mp3 with a picture of 300 kB in its ID3 tag
#     short.mp3    9 s, 64 kbit/s
#     middle.mp3   80 s, 256 kbit/s
#     long.mp3     twelve times that
#     audio.m4a    100 s, the moov box at the beginning
#     tail.m4a     the same with the moov box at the end
#     parts.m4a    the same in fragments
#     film.mp4     100 s of picture and sound

use strict;
use warnings;
use Exporter qw(import);
use File::Copy qw(copy);
use File::Spec ();
use File::Temp ();

our @EXPORT_OK = qw(missing make);

my %made_by = (
    'cbr.mp3' => [qw(lame --cbr -b 64 tone.wav cbr.mp3)],
    'plain.mp3' => [qw(lame -t --cbr -b 128 tone.wav plain.mp3)],
    'vbr.mp3' => [qw(lame -V 6 tone.wav vbr.mp3)],
    'short.mp3' => [qw(lame --cbr -b 64 short.wav short.mp3)],
    'middle.mp3' => [qw(lame --cbr -b 256 middle.wav middle.mp3)],
    'long.mp3' => [qw(ffmpeg -stream_loop 11 -i middle.mp3 -c copy long.mp3)],
    'cover.mp3' => [qw(ffmpeg -i cbr.mp3 -i cover.png -map 0 -map 1 -c copy -id3v2_version 3 cover.mp3)],
    'tail.m4a' => [qw(ffmpeg -i tone.wav -c:a aac -b:a 64k tail.m4a)],
    'audio.m4a' => [qw(ffmpeg -i tail.m4a -c copy -movflags +faststart audio.m4a)],
    'parts.m4a' => [qw(ffmpeg -i tail.m4a -c copy -movflags +frag_keyframe+empty_moov parts.m4a)],
    'film.mp4' => [qw(ffmpeg -f lavfi -i testsrc=duration=100:size=160x120:rate=5 -i tail.m4a
                       -c:v mpeg4 -c:a copy film.mp4)],
    'cover.png' => ['ffmpeg', qw(-f lavfi -i nullsrc=s=640x480 -vf), 'noise=alls=100:allf=t+u,format=rgb24',
                    qw(-frames:v 1 cover.png)],
    map { ("$_->[0].wav" => [qw(ffmpeg -f lavfi -i), tone($_->[1]), "$_->[0].wav"]) }
        ['tone', 100], ['short', 9], ['middle', 80],
);

# A tone that changes, so that a variable bitrate varies.
sub tone
{
    my ($seconds) = @_;
    return "aevalsrc=0.3*sin(2*PI*(220+40*floor(mod(t\\,7)))*t)*gt(mod(t\\,11)\\,3):s=32000:d=$seconds";
}

sub missing
{
    my @missing = grep { my $p = $_; !grep { -x "$_/$p" } File::Spec->path } qw(lame ffmpeg);
    return @missing ? "not installed: @missing" : undef;
}

my $made; # where they are

sub encode
{
    my ($name) = @_;
    my $how = $made_by{$name} or die "no such file: $name\n";
    return if -e "$made/$name";
    encode($_) for grep { $_ ne $name && $made_by{$_} } @$how;
    my @command = map { $made_by{$_} ? "$made/$_" : $_ } @$how;
    splice @command, 1, 0, $command[0] eq 'lame' ? '--quiet' : qw(-nostdin -y -loglevel error);
    system(@command) == 0 or die "@command: $?\n";
}

# Make these files in a directory; their sizes.
sub make
{
    my ($directory, @names) = @_;
    $made ||= File::Temp->newdir('playcount-media-XXXXXX', DIR => '/tmp');
    for my $name (@names) {
        encode($name);
        copy("$made/$name", "$directory/$name") or die "$directory/$name: $!\n";
    }
    return map { -s "$directory/$_" } @names;
}

1;
