# Plays that count while their responses are on their way, and a replay of the log: the same
# ones, whatever is fetched, in whatever parts, however slowly it is read, and wherever the
# client goes away. Five hundred deliveries at a time to a hundred listeners.
use strict;
use warnings;
use Test::More;
use IO::Select;
use List::Util qw(shuffle);
use Time::HiRes qw(time);
use Playcount::Command qw(playcount);
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $REQUESTS = 500;
my $AT_ONCE = 24;

srand(my $seed = $ENV{SEED} // int time);
note "SEED=$seed";

for my $mpm (split / /, $ENV{PLAYCOUNT_MPM} // 'event worker') {
    my $server = Playcount::Media::server(mpm => $mpm, processes => 2, threads => 16, start => 0);
    my $root = $server->root;
    my ($size) = Playcount::Media::make("$root/htdocs", 'cbr.mp3');
    $server->{config} .= <<'EOT';
LogFormat "%a %t \"%r\" %>s %B \"%{User-Agent}i\" %^Pv %^Px %^Pt \"%^Pi\"" replay
CustomLog logs/replay replay
EOT
    $server->write_config;
    $server->start;

    # A delivery under way: its socket, how much is to be read still, and when to go on.
    my $begin = sub {
        my ($n) = @_;
        my $from = rand() < 0.4 ? 0 : int rand $size;
        my $to = rand() < 0.7 ? $size - 1 : $from + int rand($size - $from);
        my $all = $to - $from + 1;
        my $socket = Playcount::Media::ask($server->port, '/cbr.mp3', 'Player/' . $n % 100, 'Connection: close',
            $from || $to < $size - 1 ? "Range: bytes=$from-$to" : ());
        $socket->blocking(0);
        return { socket => $socket, left => rand() < 0.4 ? 1e9 : int rand $all, next => 0,
            pause => rand() < 0.3 ? 0.02 : 0 };
    };
    my @numbers = shuffle(1 .. $REQUESTS);
    my %under_way;
    while (@numbers || %under_way) {
        while (@numbers && keys %under_way < $AT_ONCE) {
            my $delivery = $begin->(pop @numbers);
            $under_way{ fileno $delivery->{socket} } = $delivery;
        }
        my $now = time;
        my $select = IO::Select->new(map { $_->{socket} } grep { $_->{next} <= $now } values %under_way);
        select undef, undef, undef, 0.005 if !$select->count;
        for my $socket ($select->count ? $select->can_read(0.02) : ()) {
            my $delivery = $under_way{ fileno $socket };
            my $n = sysread $socket, my $bytes, 65_536;
            $delivery->{left} -= $n // 0;
            $delivery->{next} = time + $delivery->{pause};
            next if $n && $delivery->{left} > 0;
            delete $under_way{ fileno $socket };
            close $socket;
        }
    }

    my @lines;
    Playcount::Server::wait_until('all in the log', sub {
        @lines = grep { m{ /cbr\.mp3 } } split /^/, Playcount::Server::slurp("$root/logs/replay");
        return @lines >= $REQUESTS;
    });
    my $plays = Playcount::Media::plays($server, '/cbr.mp3');
    my $early = () = $server->error_log =~ /after \d+ bytes of the response/g;
    my @played = map { m{"(Player/\d+)" played } } @lines;
    my %listener = map { $_ => 1 } @played;
    note "$plays plays, $early of them on their way";
    cmp_ok $early, '>', 10, "$mpm: many of them counted on their way";
    cmp_ok $early, '<', $plays, "$mpm: and some at the end";
    is scalar(@played), $plays, "$mpm: each play has a line: $plays";
    is scalar(keys %listener), $plays, "$mpm: and a listener";
    for my $order ('the log', 'the log, shuffled') {
        my $file = "$root/logs/$order" =~ tr/, /__/r;
        Playcount::Server::spew($file, join '', $order =~ /shuffled/ ? shuffle(@lines) : @lines);
        my $run = playcount('replay', '--media', '--dry-run', $file);
        like $run->{out}, qr{ /cbr\.mp3=$plays$}m, "$mpm: a replay of $order counts the same";
    }
}

done_testing;
