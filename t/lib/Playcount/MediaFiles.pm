package Playcount::MediaFiles;

# Real media files, made by lame and ffmpeg:
#
#     my $missing = Playcount::MediaFiles::missing();    # a sentence, or nothing
#     Playcount::MediaFiles::make($dir, qw(cbr.mp3 short.mp3));
#
#     cbr.mp3      90 s, 128 kbit/s, no Xing header
#     vbr.mp3      90 s, of varying bitrate, with a Xing header
#     info.mp3     90 s, 64 kbit/s, with an Info header
#     cover.mp3    cbr.mp3 with a picture of 300 kB in its ID3 tag
#     short.mp3    9 s
#     audio.m4a    90 s, the moov box at the end
#     fast.m4a     90 s, the moov box at the beginning
#     parts.m4a    90 s, in fragments
#     film.mp4     90 s of picture and sound

use strict;
use warnings;
use Exporter qw(import);
use File::Spec ();

our @EXPORT_OK = qw(missing make);

my %made_by = (
    'cbr.mp3'   => [qw(lame -t --cbr -b 128 tone.wav cbr.mp3)],
    'vbr.mp3'   => [qw(lame -V 4 tone.wav vbr.mp3)],
    'info.mp3'  => [qw(lame --cbr -b 64 tone.wav info.mp3)],
    'short.mp3' => [qw(lame --cbr -b 128 short.wav short.mp3)],
    'cover.mp3' => [qw(ffmpeg -i cbr.mp3 -i cover.png -map 0 -map 1 -c copy -id3v2_version 3 cover.mp3)],
    'audio.m4a' => [qw(ffmpeg -i tone.wav -c:a aac -b:a 96k audio.m4a)],
    'fast.m4a'  => [qw(ffmpeg -i audio.m4a -c copy -movflags +faststart fast.m4a)],
    'parts.m4a' => [qw(ffmpeg -i audio.m4a -c copy -movflags +frag_keyframe+empty_moov parts.m4a)],
    'film.mp4'  => [qw(ffmpeg -f lavfi -i testsrc=duration=90:size=160x120:rate=5 -i audio.m4a
                       -c:v mpeg4 -c:a copy film.mp4)],
    'cover.png' => ['ffmpeg', qw(-f lavfi -i nullsrc=s=640x480 -vf), 'noise=alls=100:allf=t+u,format=rgb24',
                    qw(-frames:v 1 cover.png)],
    'tone.wav'  => \&wave,
    'short.wav' => \&wave,
);

sub missing
{
    my @missing = grep { my $p = $_; !grep { -x "$_/$p" } File::Spec->path } qw(lame ffmpeg);
    return @missing ? "not installed: @missing" : undef;
}

# Tones that change, so that the bitrate does.
sub wave
{
    my ($path, $name) = @_;
    my $rate = 22050;
    my $n = $rate * ($name eq 'short.wav' ? 9 : 90);
    my $phase = 0;
    my $data = '';
    for my $i (0 .. $n - 1) {
        $phase += 0.02 + 0.9 * (($i >> 11) * 7 % 13) / 13;
        $data .= pack 's<', 12000 * sin($phase) + (($i >> 15) & 1 ? rand(9000) : 0);
    }
    open my $out, '>:raw', $path or die "$path: $!\n";
    print {$out} 'RIFF', pack('V', 36 + length $data), 'WAVEfmt ',
        pack('VvvVVvv', 16, 1, 1, $rate, 2 * $rate, 2, 16), 'data', pack('V', length $data), $data;
    close $out or die "$path: $!\n";
}

sub make
{
    my ($dir, @names) = @_;
    for my $name (@names) {
        my $how = $made_by{$name} or die "no such file: $name\n";
        next if -e "$dir/$name";
        if (ref $how eq 'CODE') {
            srand 1;
            $how->("$dir/$name", $name);
            next;
        }
        make($dir, grep { $_ ne $name && $made_by{$_} } @$how);
        my @command = map { $made_by{$_} ? "$dir/$_" : $_ } @$how;
        splice @command, 1, 0, $command[0] eq 'lame' ? '--quiet' : qw(-nostdin -y -loglevel error);
        system(@command) == 0 or die "@command: $?\n";
    }
}

1;
