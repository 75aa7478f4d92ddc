# Media for tests: real files by lame and ffmpeg, made once a process in a directory of the
# test, and a server that counts their plays itself.
#
#     my $server = Playcount::Media::server(config => ...);   # as Playcount::Server
#     Playcount::Media::make($server->root . '/htdocs', 'cbr.mp3', ...);
#     Playcount::Media::curl($server, 'cbr.mp3', '-r', '0-1');
#     Playcount::Media::plays($server, '/cbr.mp3');            # 1
#     Playcount::Media::verdicts($server);                     # 'probe played'
package Playcount::Media;

use strict;
use warnings;
use File::Copy qw(copy);
use File::Temp ();
use Playcount::Server;

# name => seconds, further options of ffmpeg's encoder; or of lame's
my %file = (
    'cbr.mp3'   => [100, lame => qw(-b 64 --cbr)],
    'vbr.mp3'   => [100, lame => qw(-V 6)],
    'short.mp3' => [9,   lame => qw(-b 64 --cbr)],
    'cover.mp3' => [100, lame => qw(-b 64 --cbr)],
    'middle.mp3' => [80, lame => qw(-b 256 --cbr)],
    'long.mp3'  => [960, repeat => 'middle.mp3', 12],
    'audio.m4a' => [100, ffmpeg => qw(-c:a aac -b:a 64k -movflags +faststart)],
);

# Are the programs there? The reason if not.
sub missing
{
    for my $program (qw(lame ffmpeg curl)) {
        return "no $program" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
    }
    return undef;
}

sub run
{
    my (@command) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec @command or exit 127;
    }
    waitpid $pid, 0;
    die "@command: status $?" if $?;
}

# Make these files, each once a process. A tone that changes, so that a variable bitrate
# varies.
my $made;
sub make
{
    my ($directory, @names) = @_;
    $made ||= File::Temp->newdir('playcount-media-XXXXXX', DIR => '/tmp');
    for my $name (@names) {
        encode($name) unless -e "$made/$name";
        copy("$made/$name", "$directory/$name") or die "$directory/$name: $!";
    }
    return map { -s "$directory/$_" } @names;
}

sub encode
{
    my ($name) = @_;
    my ($seconds, $how, @options) = @{ $file{$name} };
    my $sound = "aevalsrc=0.3*sin(2*PI*(220+40*floor(mod(t\\,7)))*t)*gt(mod(t\\,11)\\,3):s=32000:d=$seconds";
    if ($how eq 'ffmpeg') {
        run('ffmpeg', '-y', '-f', 'lavfi', '-i', $sound, @options, "$made/$name");
        return;
    }
    if ($how eq 'repeat') {
        my ($part, $times) = @options;
        encode($part) unless -e "$made/$part";
        run('ffmpeg', '-y', '-stream_loop', $times - 1, '-i', "$made/$part", '-c', 'copy',
            "$made/$name");
        return;
    }
    run('ffmpeg', '-y', '-f', 'lavfi', '-i', $sound, "$made/it.wav");
    my @cover;
    if ($name eq 'cover.mp3') {
        # A picture is whatever its beginning says. lame takes up to 128 kB.
        Playcount::Server::spew("$made/jpg",
            "\xff\xd8\xff\xe0" . join('', map { chr int rand 256 } 1 .. 120_000));
        @cover = ('--ti', "$made/jpg");
    }
    run('lame', '--quiet', @options, @cover, "$made/it.wav", "$made/$name");
}

# Listeners are known for a UTC day: a test that runs over midnight would see two.
sub stay_in_a_day
{
    my $left = 86400 - time % 86400;
    sleep $left + 1 if $left < 100;
}

sub server
{
    my (%option) = @_;
    my $config = delete $option{config} // '';
    stay_in_a_day();
    my $start = delete $option{start} // 1;
    my $server = Playcount::Server->new(
        location  => '/plays',
        songs     => '1k',
        log_level => 'info playcount:debug',
        %option,
        modules => ['mime', 'setenvif', @{ $option{modules} || [] }],
        start   => 0,
        config  => <<"EOT");
TypesConfig /dev/null
AddType audio/mpeg .mp3
AddType audio/mp4 .m4a
LogFormat "%^Pv %^Px %^Pt %>s %U \\"%{User-Agent}i\\"" media
CustomLog logs/media media
PlaycountMedia On
$config
EOT
    $server->start if $start;
    return $server;
}

# What curl prints; the User-Agent is that of a listener unless another one is given.
sub curl
{
    my ($server, $path, @options) = @_;
    my $url = $path =~ /^https?:/ ? $path : $server->url("/$path");
    my $pid = open my $out, '-|';
    defined $pid or die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec 'curl', '-sS', '--max-time', $Playcount::Server::PATIENCE, '-o', '/dev/null',
            '-A', 'Overcast/3.0', @options, $url or exit 127;
    }
    local $/;
    my $text = <$out>;
    close $out;
    return $text;
}

sub plays
{
    my ($server, $song) = @_;
    return $server->get('/plays/song/' . $song =~ s{^/}{%2F}r)->{content};
}

# The log's lines of media so far, when there are n of them.
sub lines
{
    my ($server, $n) = @_;
    my @lines;
    Playcount::Server::wait_until("$n deliveries in the log", sub {
        @lines = grep { !/^- / } split /\n/,
            Playcount::Server::slurp($server->root . '/logs/media');
        return @lines >= $n;
    });
    return @lines;
}

# The verdicts of all deliveries, in their order; there are n of them.
sub verdicts
{
    my ($server, $n) = @_;
    return join ' ', map { /^(\S+)/ } lines($server, $n);
}

1;
