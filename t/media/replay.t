# What was counted live and what a replay of the log counts is the same: 100,000
# deliveries to many listeners, the log shuffled and in several files.
use strict;
use warnings;
use Test::More;
use IO::Select;
use List::Util qw(shuffle);
use Playcount::Command qw(playcount);
use Playcount::Server;

my $requests = 100_000;
my $connections = 8;
my $server = Playcount::Server->new(
    location => '/plays', songs => '1k', processes => 2, threads => 8,
    modules => [qw(mime remoteip setenvif)], start => 0, config => <<'EOF');
TypesConfig /dev/null
AddType audio/mpeg .mp3
KeepAliveTimeout 60
RemoteIPHeader X-Forwarded-For
RemoteIPTrustedProxy 127.0.0.1
LogFormat "%a %t \"%r\" %>s %B \"%{User-Agent}i\" %^Pv %^Px %^Pt \"%^Pi\"" media
CustomLog logs/media media
PlaycountMedia On
PlaycountMediaBitrate whole
PlaycountMediaTable downloads=200k open=200k
SetEnvIf Referer "/preview" playcount-skip
<Location "/other">
    PlaycountMediaSong "the other \"%{REQUEST_URI}\""
</Location>
EOF
my $root = $server->root;
mkdir "$root/htdocs/other" or die;
for my $i (0 .. 19) {
    Playcount::Server::spew("$root/htdocs/$i.mp3", 'x' x (500 + 100 * $i));
    Playcount::Server::spew("$root/htdocs/other/$i.mp3", 'x' x (500 + 50 * $i));
}
$server->start;

# A request of some listener for some of a file.
sub request
{
    my $i = int rand 20;
    my $size = 500 + 100 * $i;
    my $path = rand() < 0.2 ? "/other/$i.mp3" : "/$i.mp3";
    my $address = rand() < 0.5 ? '198.51.100.' . int(rand 100) : sprintf '2001:db8:0:%x::%x', rand 40, rand 65_536;
    my $agent = (q(Player/1), 'Player/2 "quoted" \\ x', "Player/3 (caf\xc3\xa9)", 'Googlebot/2.1')[rand 4];
    my $begin = int rand $size;
    my $how = rand;
    my $range = $how < 0.1 ? '' : $how < 0.15 ? 'Range: bytes=0-1' : $how < 0.2 ? "Range: bytes=-$begin"
        : $how < 0.3 ? "Range: bytes=0-99,$begin-" : $how < 0.35 ? 'Range: bytes=9999-'
        : $how < 0.6 ? "Range: bytes=$begin-" : "Range: bytes=$begin-" . ($begin + int rand 400);
    my $more = rand() < 0.02 ? "Sec-Purpose: prefetch\r\n" : rand() < 0.02 ? "Referer: /preview\r\n" : '';
    my $method = rand() < 0.05 ? 'HEAD' : 'GET';
    return "$method $path?" . int(rand 10) . " HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: $address\r\n"
        . "User-Agent: $agent\r\n$more" . ($range ? "$range\r\n" : '') . "\r\n";
}

# Send them over a few connections, many ahead of the answers, and throw these away.
sub send_all
{
    my ($text) = @_;
    my $socket = $server->socket;
    my $select = IO::Select->new($socket);
    $socket->blocking(0);
    my $at = 0;
    while (1) {
        my ($read, $write) = IO::Select->select($select, $at < length $text ? $select : undef, undef, 60);
        $read or return 0;
        if (@$read) {
            my $n = sysread $socket, my $bytes, 1 << 20;
            return $at == length $text if defined $n && $n == 0;
        }
        if (@$write) {
            my $n = syswrite $socket, $text, 65_536, $at;
            $at += $n // 0;
        }
    }
}

# So many of them, each connection by a process; how many were closed too early.
sub send_requests
{
    my ($n, $meanwhile) = @_;
    my (@children, $failed);
    for my $c (1 .. $connections) {
        my @mine = map { request() } 1 .. $n / $connections;
        $mine[-1] =~ s/\r\n\r\n$/\r\nConnection: close\r\n\r\n/;
        push @children, Playcount::Process::begin({}, sub {
            send_all(join '', @mine) or die "a connection was closed too early\n";
        });
    }
    $meanwhile->() if $meanwhile;
    for my $pid (@children) {
        waitpid $pid, 0;
        $failed++ if $?;
    }
    return $failed // 0;
}

srand 7;
is send_requests($requests), 0, "$requests requests over $connections connections";
my @lines;
Playcount::Server::wait_until('all is in the log', sub {
    @lines = split /\n/, Playcount::Server::slurp("$root/logs/media");
    return @lines >= $requests;
});
my %verdict;
$verdict{ (/ (\w+|-) \S+ \S+ "[^"]*(?:\\"[^"]*)*"$/)[0] // '?' }++ for @lines;
note join ', ', map { "$_ $verdict{$_}" } sort keys %verdict;
ok $verdict{$_}, "some are $_" for qw(played open again bot probe prefetch skipped);

sub decoded { return $_[0] =~ s/%(..)/chr hex $1/ger }
sub counted { return map { /(.*)=(.*)/ and decoded($1) => $2 } split /,/, $server->get('/plays/')->{content} }
my %live = counted();
my $sum = 0;
$sum += $_ for values %live;
is $sum, $verdict{played}, "$sum plays were counted live";

sub replayed
{
    my (@files) = @_;
    my $run = playcount('replay', '--media', '--dry-run', @files);
    is $run->{err}, '', 'all lines are read';
    my %count;
    for my $line (split /\n/, $run->{out}) {
        my ($song, $n) = $line =~ /^\S+ (.*)=(\d+)$/ or die $line;
        $count{ decoded($song) } += $n;
    }
    return \%count;
}

is_deeply replayed("$root/logs/media"), \%live, 'a replay of the log counts the same';
my @shuffled = shuffle @lines;
my $n = int(@shuffled / 3);
Playcount::Server::spew("$root/logs/part", join '', map { "$_\n" } splice @shuffled, 0, $n);
Playcount::Server::spew("$root/logs/part.1", join '', map { "$_\n" } splice @shuffled, 0, $n);
Playcount::Server::spew("$root/logs/part.2", join '', map { "$_\n" } @shuffled);
is_deeply replayed("$root/logs/part"), \%live, 'so does one of its lines shuffled, in three files';

# Of a listener with more pieces than are known apart, who fetches them again and again, the
# module does not know exactly what is there: the replay does not either, in the same way.
my @crumbs = map { my $from = $_ < 23 ? 100 * $_ : 2350; "$from-" . ($from + 49) } 0 .. 23;
for my $who (1 .. 20) {
    my @asked = map { shuffle @crumbs } 1 .. 3;
    my $text = join '', map { "GET /19.mp3 HTTP/1.1\r\nHost: x\r\nUser-Agent: Crumbs/$who\r\nRange: bytes=$_\r\n\r\n" } @asked;
    send_all($text =~ s/\r\n\r\n\z/\r\nConnection: close\r\n\r\n/r) or die 'not sent';
}
Playcount::Server::wait_until('they are in the log', sub {
    return 20 * 72 == (() = Playcount::Server::slurp("$root/logs/media") =~ /"Crumbs\//g);
});
%live = counted();
is_deeply replayed("$root/logs/media"), \%live, 'with many pieces the same, too';

# With graceful restarts in the middle, which end connections; a child logs what it has
# counted before it ends.
send_requests(20_000, sub { $server->graceful(old_may_stay => 1) for 1 .. 2 });
$server->graceful;
%live = counted();
is_deeply replayed("$root/logs/media"), \%live, 'and with graceful restarts in the middle';

# Without what the module wrote, by the files.
my $plain = '%a %t "%r" %>s %B "%{User-Agent}i" %{x}i %{y}i %{z}i "%{w}i"';
my $run = playcount('replay', '--media', '--dry-run', '--bitrate=whole', "--root=$root/htdocs", "--format=$plain",
    "$root/logs/media");
like $run->{out}, qr/^\S+ \/0\.mp3=\d+$/m, 'the same log without the items counts something too';

done_testing;
