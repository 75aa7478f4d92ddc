# Media for tests: real files (Playcount::MediaFiles), and a server that counts their plays
# itself.
#
#     my $server = Playcount::Media::server(config => ...);   # as Playcount::Server
#     Playcount::Media::make($server->root . '/htdocs', 'cbr.mp3', ...);
#     Playcount::Media::curl($server, 'cbr.mp3', '-r', '0-1');
#     Playcount::Media::plays($server, '/cbr.mp3');            # 1
#     Playcount::Media::verdicts($server);                     # 'probe played'
package Playcount::Media;

use strict;
use warnings;
use Playcount::MediaFiles ();
use Playcount::Server;

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
