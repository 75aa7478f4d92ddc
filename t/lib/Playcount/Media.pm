# Media for tests: real files (Playcount::MediaFiles), and a server that counts their plays
# itself.
#
#     my $server = Playcount::Media::server(config => ...);   # as Playcount::Server
#     Playcount::Media::make($server->root . '/htdocs', 'cbr.mp3', ...);
#     Playcount::Media::curl($server, 'cbr.mp3', '-r', '0-1');
#     Playcount::Media::plays($server, '/cbr.mp3');            # 1
#     Playcount::Media::verdicts($server);                     # 'probe played'
#     my $socket = Playcount::Media::ask($port, '/cbr.mp3', 'Slow/1', 'Range: bytes=1-');
#     Playcount::Media::take($socket, 100_000);                # so much of the answer
package Playcount::Media;

use strict;
use warnings;
use Playcount::MediaFiles ();
use Playcount::Server;
use Socket qw(SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in PF_INET SOCK_STREAM);

sub missing { return Playcount::MediaFiles::missing() }
sub make    { return Playcount::MediaFiles::make(@_) }

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

# A connection with a small buffer for what comes.
sub connection
{
    my ($port) = @_;
    socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 32_768 or die "SO_RCVBUF: $!";
    connect $socket, pack_sockaddr_in($port, inet_aton('127.0.0.1')) or die "connect: $!";
    return $socket;
}

# A request of somebody who reads slowly; the socket, or that of a connection that is there.
sub ask
{
    my ($to, $path, $who, @headers) = @_;
    my $socket = ref $to ? $to : connection($to);
    syswrite $socket, join "\r\n", "GET $path HTTP/1.1", 'Host: x', "User-Agent: $who", @headers, '', '';
    return $socket;
}

# Read this much, or to the end; how much it was.
sub take
{
    my ($socket, $bytes) = @_;
    my $got = 0;
    while ($got < $bytes) {
        my $n = sysread $socket, my $text, $bytes - $got < 16_384 ? $bytes - $got : 16_384;
        $n or last;
        $got += $n;
    }
    return $got;
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
