package Playcount::Lane;

# Two servers that differ in one line, PlaycountLane, and raw conversations with
# them.
#
#     my ($on, $off) = Playcount::Lane::pair(config => '...');
#     my $said = Playcount::Lane::talk($server, [$bytes, ...], ...);
#
# A conversation is a list of steps on one connection: a step is a list of writes, or
# a text for a single one; after each step its answers are awaited. What comes back
# is one text per step, without what differs by nature: Date, port, and the number of the zone.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Playcount::Server;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

# A server that closes a connection is no reason to die.
$SIG{PIPE} = 'IGNORE';

sub server
{
    my ($lane, %option) = @_;
    my $config = delete $option{config} // '';

    return Playcount::Server->new(
        mpm => 'event', processes => 1, threads => 8, modules => ['status'], %option,
        config => <<"EOF" . $config);
PlaycountLane $lane
KeepAlive On
KeepAliveTimeout 30
<Location "/server-status">
    SetHandler server-status
</Location>
EOF
}

sub pair { return map { server($_, @_) } qw(On Off) }

# The lane's numbers: Connections, Requests, Lent.
sub numbers
{
    my ($server) = @_;

    return { $server->get('/server-status?auto')->{content} =~
            /^PlaycountLane(\w+): (\d+)/mg };
}

sub connect_to
{
    my ($server) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $server->{port}, Proto => 'tcp')
        or die "cannot connect: $!";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    return $socket;
}

# How many bytes of the text are a whole answer to a request with this method; 0 if it
# is not there yet.
sub answer_length
{
    my ($text, $method) = @_;
    my $head = index $text, "\r\n\r\n";

    return 0 if $head < 0;
    my ($status) = $text =~ /^HTTP\/1\.\d (\d+)/;
    my ($body) = substr($text, 0, $head) =~ /^Content-Length: (\d+)/mi;
    my $length = $head + 4
        + ($method eq 'HEAD' || !$status || $status < 200 ? 0 : $body // 0);
    if (!defined $body && substr($text, 0, $head) =~ /^Transfer-Encoding: chunked/mi) {
        my $end = index $text, "\r\n0\r\n\r\n", $head;
        return $end < 0 ? 0 : $end + 7;
    }
    return length $text >= $length ? $length : 0;
}

# Read an answer for each of these methods, or up to the end.
sub read_answers
{
    my ($socket, $methods) = @_;
    my ($all, $rest) = ('', '');
    my @methods = @$methods;
    my $until = time + $Playcount::Server::PATIENCE;

    while (@methods) {
        while (@methods and my $n = answer_length($rest, $methods[0])) {
            my $interim = $rest =~ /^HTTP\/1\.1 1\d\d/;
            $all .= substr $rest, 0, $n, '';
            shift @methods unless $interim;
        }
        last unless @methods;
        IO::Select->new($socket)->can_read($until - time) or return "$all$rest(silence)";
        my $n = sysread $socket, $rest, 65536, length $rest;
        return "$all$rest(end)" unless $n;
    }
    return $all . $rest;
}

sub neutral
{
    my ($server, $text) = @_;

    $text =~ s/^Date: [^\r]*/Date: -/mg;
    $text =~ s/^(Playcount-Mapping: )\w+/$1-/mg;
    $text =~ s/\Q$server->{port}\E/PORT/g;
    return $text;
}

# The methods of the requests in these bytes, as far as one can tell.
sub methods_of
{
    my ($bytes) = @_;

    return [$bytes =~ /(GET|HEAD|POST|PUT|DELETE|OPTIONS|post)[ \t][^\n]*HTTP\/\d/g];
}

sub talk
{
    my ($server, @steps) = @_;
    my $socket = connect_to($server);
    my @said;

    for my $step (@steps) {
        my @writes = ref $step ? @$step : $step;
        for my $i (0 .. $#writes) {
            sleep 0.002 if $i;
            defined syswrite $socket, $writes[$i] or last;
        }
        push @said, neutral($server,
            read_answers($socket, methods_of(join '', @writes)));
        last if $said[-1] =~ /\((?:end|silence)\)$/;
    }
    close $socket;
    return \@said;
}

1;
