# What plain statsd receives: sent to the real one, and read back over its
# management port, for both modes. An absent or unknown receiver costs the requests
# nothing and is logged once.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::INET;
use IO::Select;
use List::Util qw(sum);
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Metrics;
use Playcount::Npm;

my $program = Playcount::Npm::packages('statsd@0.9.0') . '/node_modules/statsd/stats.js';
my $temp = File::Temp->newdir('playcount-statsd-XXXXXX', DIR => '/tmp');
my ($udp, $management) = map { Playcount::Server::free_port() } 1 .. 2;
Playcount::Server::spew("$temp/config.js", <<"EOF");
{
  port: $udp, address: "127.0.0.1", mgmt_port: $management,
  mgmt_address: "127.0.0.1", flushInterval: 10000, percentThreshold: [95],
  backends: ["$temp/backend.js"], debug: false
}
EOF
Playcount::Server::spew("$temp/backend.js", <<'EOF');
const fs = require('fs');
exports.init = (start, config, events) => {
  events.on('flush', (time, made) => {
    fs.writeFileSync(__dirname + '/flushed.new', JSON.stringify([made.timer_data, made.counters]));
    fs.renameSync(__dirname + '/flushed.new', __dirname + '/flushed');
  });
  return true;
};
EOF
# It flushes when a signal tells it to, and not otherwise.
Playcount::Server::spew("$temp/flush.js", <<'EOF');
const timeout = global.setTimeout;
let flush;
global.setTimeout = (f, ...more) => {
  if (f.name !== 'flushMetrics') return timeout(f, ...more);
  flush = f;
};
process.on('SIGUSR2', () => flush());
EOF
my $statsd = Playcount::Process::start({ out => "$temp/log" }, 'node', '-r', "$temp/flush.js",
    $program, "$temp/config.js");

# Ask it: "counters" or "timers", as text.
sub ask_text
{
    my ($command) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $management) or return;
    print $socket "$command\n";
    my $text = '';
    while (my $line = <$socket>) {
        last if $line =~ /^END/;
        $text .= $line;
    }
    return $text;
}

# The same as a hash.
sub ask
{
    my ($command) = @_;
    my $text = ask_text($command) // return undef;
    # It answers in JavaScript's own notation.
    $text =~ s/^(\s*)'?([^\s':]+)'?:/$1"$2":/gm;
    my %found;
    if ($command eq 'counters') {
        $found{$1} = $2 while $text =~ /["']?([\w.\/-]+)["']?:\s*([-\d.e]+)/g;
    }
    else {
        while ($text =~ /["']?([\w.\/-]+)["']?:\s*\[([^\]]*)/g) {
            my ($name, $values) = ($1, $2);
            # Of a long list it shows the beginning.
            my $more = $values =~ s/\.\.\. (\d+) more items?// ? $1 : 0;
            $found{$name} = [$values =~ /[\d.]+(?:e-?\d+)?/g, (0) x $more];
        }
    }
    return \%found;
}
Playcount::Server::wait_until('statsd', sub { ask('counters') });

# What it makes of its timers when it flushes now, and its counters.
sub flushed
{
    unlink "$temp/flushed";
    kill 'USR2', $statsd;
    Playcount::Server::wait_until('a flush', sub { -e "$temp/flushed" });
    my ($timers, $counters) = @{ Cpanel::JSON::XS->new->decode(Playcount::Server::slurp("$temp/flushed")) };
    return wantarray ? ($timers, $counters) : $timers;
}

my $N = 60;
my $bytes = 0;
my @figures = qw(request_time application_time output_time output_blocks output_length);
for my $mode (qw(aggregate raw)) {
    my $server = Playcount::Metrics::server(config => <<"EOF");
PlaycountStatsd localhost:$udp prefix=t.$mode interval=1 mode=$mode
<Location "/test/a">
    PlaycountRoute "the a.route:1|c\@"
</Location>
<Location "/test/b">
    PlaycountRoute "request_time"
</Location>
EOF
    $server->get("/test/a?blocks=2&size=1000") for 1 .. $N;
    $server->get("/test/b?blocks=1&size=" . (500 + $_)) for 1 .. 5;
    my ($counters, $timers);
    my $branch = "t.$mode.the_a_route_1_c_";
    my %requests = ("t.$mode" => $N + 5, $branch => $N, "t.$mode.request_time_" => 5);
    # A datagram may be on its way when the one before it is there: so all of it.
    Playcount::Server::wait_until('all requests', sub {
        ($counters, $timers) = (ask('counters'), ask('timers'));
        for my $name (keys %requests) {
            return 0 if ($counters->{$name} // 0) < $requests{$name};
            return 0 if grep { @{ $timers->{"$name.$_"} // [] } < $requests{$name} } @figures;
        }
        return 1;
    });
    is $counters->{"t.$mode"}, $N + 5, "$mode: the counter has every request";
    is $counters->{$branch}, $N, "$mode: so has the branch of a route, its name made safe";
    is $counters->{"t.$mode.request_time_"}, 5, "$mode: a route named like a figure stays apart";
    my ($json) = Playcount::Metrics::json($server)->{metrics};
    cmp_ok $json->{statsd}{datagrams}, '>', 0, "$mode: datagrams are counted";
    for my $figure (@figures) {
        ok $timers->{"t.$mode.$figure"} && $timers->{"$branch.$figure"},
            "$mode: $figure of the whole and of a route";
    }
    my @lengths = sort { $a <=> $b } @{ $timers->{"t.$mode.request_time_.output_length"} };
    if ($mode eq 'raw') {
        is_deeply \@lengths, [501 .. 505], 'raw: every value, exact';
        is scalar(grep { $_ != 2000 } @{ $timers->{"$branch.output_length"} }), 0, 'raw: of that length';
    }
    else {
        is scalar(grep { $_ < 501 * 0.99 || $_ > 505 * 1.01 } @lengths), 0,
            'aggregate: values within 1 %';
        is sum(@lengths), 501 + 502 + 503 + 504 + 505, 'aggregate: their sum is exact';
        my $values = $timers->{"$branch.output_length"};
        is scalar(grep { abs($_ - 2000) > 20 } @$values), 0, 'aggregate: of their length';
    }
    is scalar @{ $timers->{"$branch.output_length"} }, $N, "$mode: as many as there were requests";
    my $entry = Playcount::Server::wait_until('the log', sub {
        my ($first) = grep { $_->{route} eq 'request_time' } Playcount::Metrics::entries($server);
        return $first;
    });
    my $time = grep { $mode eq 'raw' ? abs($_ * 1000 - $entry->{request}) < 0.5 : /\.\d/ }
        @{ $timers->{"t.$mode.request_time_.request_time"} };
    ok $time, "$mode: times are milliseconds with fractions";
}

# What statsd makes of it is what there was: few large responses among many small ones.
my $mixed = Playcount::Metrics::server(config => "PlaycountStatsd 127.0.0.1:$udp prefix=mix interval=1\n");
for (1 .. 10) {
    $mixed->get('/test?blocks=1&size=4') for 1 .. 19;
    $mixed->get('/test?blocks=1&size=5000');
}
Playcount::Server::wait_until('all of them', sub {
    my $timers = ask('timers');
    return !grep { @{ $timers->{$_} // [] } < 200 }
        map { ("mix.$_", "mix.playcount-test.$_") } @figures;
});
my $data = flushed();
for my $name ('mix.output_length', 'mix.playcount-test.output_length') {
    my $made = $data->{$name};
    is $made->{count}, 200, "$name: count";
    is $made->{sum}, 50_760, "$name: sum";
    is $made->{mean}, 253.8, "$name: mean";
    is $made->{median}, 4, "$name: median";
    is $made->{upper_95}, 4, "$name: upper_95";
    ok abs($made->{upper} - 5000) <= 40, "$name: upper, within 0.8 %";
}
my $total = Playcount::Metrics::json($mixed)->{metrics}{total};
my @entries = Playcount::Server::wait_until('200 lines in the log', sub {
    my @found = Playcount::Metrics::entries($mixed);
    return @found == 200 && \@found;
})->@*;
my %item = (request_time => 'request', application_time => 'application', output_time => 'output');
for my $figure (qw(request_time application_time output_time)) {
    my $made = $data->{"mix.$figure"};
    is $made->{count}, 200, "$figure: count";
    ok abs($made->{sum} - $total->{$figure}{sum} / 1000) < 0.001, "$figure: sum"
        or diag "$made->{sum} $total->{$figure}{sum}";
    # Between the two in the middle, each as exact as the histogram.
    my ($below, $above) = (sort { $a <=> $b } map { $_->{ $item{$figure} } } @entries)[99, 100];
    my $median = $made->{median} * 1000;
    ok $median >= $below * 0.97 - 1 && $median <= $above * 1.03 + 1, "$figure: median"
        or diag "$median, not between $below and $above";
}

# However many requests come in an interval, statsd shows what they were. Beyond what a
# statsd takes, several share a value: its sum is too small then, which is said.
my $CROWD = dirname(abs_path(__FILE__)) . '/../../build/t/metrics/crowd';
for my $case ([1_500], [30_000], [90_000, 'shared'], [30_000, 'shared', 'packed=off']) {
    my ($n, $shared, @options) = @$case;
    my $name = join ' ', $n, @options;
    flushed();
    my $out = `$CROWD $udp $n @options 2>$temp/said`;
    is $?, 0, "$name requests are sent";
    my %sent = map { split ' ', $_, 2 } split /\n/, $out;
    Playcount::Server::wait_until('all datagrams', sub {
        my $counters = ask('counters');
        return $counters->{'statsd.packets_received'} >= $sent{datagrams}
            && ($counters->{crowd} // 0) == $n;
    });
    my $made = flushed();
    for my $figure (@figures) {
        my ($count, $sum, $median, $upper) = split ' ', $sent{$figure};
        for my $branch ('crowd', 'crowd.route') {
            my $timer = $made->{"$branch.$figure"};
            my $what = "$name: $branch.$figure";
            cmp_ok abs($timer->{count} - $count), '<', 1e-6 * $count, "$what: count";
            if (!$shared) {
                cmp_ok abs($timer->{sum} - $sum), '<', 1e-6 * $sum, "$what: sum";
            }
            cmp_ok abs($timer->{mean} - $sum / $count), '<', ($shared ? 0.01 : 1e-6) * $sum / $count + 0.001,
                "$what: mean";
            cmp_ok abs($timer->{median} - $median), '<=', 0.016 * $median + 0.001, "$what: median";
            cmp_ok abs($timer->{upper_95} - $upper), '<=', 0.016 * $upper + 0.001, "$what: upper_95"
                if !$shared || $figure =~ /time/;
        }
    }
    is $sent{shared}, $shared ? $n : 0, "$name: how many share values is counted";
    like Playcount::Server::slurp("$temp/said"), $shared
        ? qr/^PlaycountStatsd: $n requests came in 1 s, more than can be sent one by one/ : qr/^$/,
        "$name: and said";
    cmp_ok $sent{datagrams}, '<', $n / 8, "$name: values share lines" if $n == 30_000 && !$shared;
}

# DogStatsD's tags and sample rates, as statsd itself reads them: it puts the tags behind the
# name, and takes the rate of a timing for its count.
{
    flushed();
    my $tagged = Playcount::Metrics::server(config => <<"EOF");
PlaycountStatsd 127.0.0.1:$udp format=dogstatsd prefix=dog interval=1 tags=env:prod,dc:eu-1
<Location "/test/named">
    PlaycountRoute "api/v1.songs"
</Location>
EOF
    $tagged->get('/test/named?blocks=1&size=7') for 1 .. 200;
    $tagged->post('/test/named?return=404') for 1 .. 3;
    my $of = ';route=api-v1.songs;env=prod;dc=eu-1';
    Playcount::Server::wait_until('all of them', sub {
        my $text = ask_text('counters') // return 0;
        my $n = 0;
        $n += $1 while $text =~ /'dog;route=[^']*': (\d+)/g;
        return $n == 203 && $text =~ /'dog\.output_length;route/;
    });
    my ($timers, $all) = flushed();
    my %mine = map { $_ => $all->{$_} } grep { /^dog;/ } keys %$all;
    is_deeply \%mine, {
        'dog;route=api-v1.songs;method=GET;status=2xx;outcome=complete;env=prod;dc=eu-1' => 200,
        'dog;route=api-v1.songs;method=POST;status=4xx;outcome=complete;env=prod;dc=eu-1' => 3,
    }, 'DogStatsD: its tags are read';
    for my $figure (qw(request_time application_time output_time)) {
        my $made = $timers->{"dog.$figure$of"};
        cmp_ok abs($made->{count} - 203), '<', 1e-6, "DogStatsD: $figure: the rates stand for every request";
    }
}

my $bad = ask('counters')->{'statsd.bad_lines_seen'};
is $bad, 0, 'statsd has seen no bad line';

# Datagrams of our own reading: sample rates add up, none is too large.
sub receive
{
    my ($socket, $enough) = @_;
    my ($select, @datagrams) = IO::Select->new($socket);
    my $end = time + $Playcount::Server::PATIENCE;
    until ($enough->(\@datagrams)) {
        die "not received within the patience\n" if time > $end;
        next unless $select->can_read(1);
        $socket->recv(my $datagram, 65536);
        push @datagrams, $datagram;
    }
    return @datagrams;
}

sub represented
{
    my ($name, @datagrams) = @_;
    my $n = 0;
    for my $line (map { split /\n/ } @datagrams) {
        $line =~ /^\Q$name\E:([\d.]+)\|\w+(?:\|\@([\d.]+))?$/ or next;
        $n += $2 ? 1 / $2 : 1;
    }
    return $n;
}

my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', Proto => 'udp') or die $!;
my $port = $listener->sockport;
my $server = Playcount::Metrics::server(
    config => "PlaycountStatsd 127.0.0.1:$port interval=1 rates=on\nPlaycountRoute \"r%{QUERY_STRING}\"\n");
$server->get('/test?blocks=1') for 1 .. 200;
$server->get("/test?blocks=1&n=$_" . 'x' x 40) for 1 .. 60;
# With rates on, for receivers that honour them, few lines stand for all.
my @datagrams = receive($listener, sub {
    my ($got) = @_;
    my $n = 0;
    /^httpd\.requests:(\d+)\|c$/ and $n += $1 for map { split /\n/ } @$got;
    return $n >= 260 && represented('httpd.requests.output_length', @$got) >= 260;
});
is sprintf('%.6f', represented('httpd.requests.output_blocks', @datagrams)), '260.000000',
    'sample rates stand for every request';
is scalar(grep { length > 1400 } @datagrams), 0, 'datagrams stay below the MTU';
cmp_ok scalar(grep { length > 700 } @datagrams), '>', 0, 'and are filled';
is scalar(grep { !/^[\w.-]+:[\d.]+\|(?:c|ms)(?:\|\@0\.\d+)?$/ }
    map { split /\n/ } @datagrams), 0, 'every line has the form of statsd';

# A child that is killed loses nothing: the next one goes on from the marks. It is
# killed before its first interval is over, so not while it sends.
my $killed;
for (my ($interval, $began) = (3); !$began || time - $began >= $interval; $interval *= 2) {
    $began = time;
    $killed = "killed-$interval";
    $server = Playcount::Metrics::server(
        config => "PlaycountStatsd 127.0.0.1:$port interval=$interval prefix=$killed\n");
    $server->get('/test?blocks=1') for 1 .. 50;
    Playcount::Server::wait_until('lines of 50', sub { 50 == (() = Playcount::Metrics::entries($server)) });
    kill 'KILL', $server->children;
}
my $seen = 0;
receive($listener, sub {
    my ($got) = @_;
    $seen = 0;
    /^$killed:(\d+)\|c$/ and $seen += $1 for map { split /\n/ } @$got;
    return $seen >= 50;
});
is $seen, 50, 'what came before a kill -9 is sent by the next child, once';

# No receiver there, and no such name.
for my $where ("127.0.0.1:" . Playcount::Server::free_port(), 'no.such.host.invalid:8125') {
    for my $mode (qw(aggregate raw)) {
        my $alone = Playcount::Metrics::server(
            config => "PlaycountStatsd $where interval=1 mode=$mode\n");
        my $good = grep { $alone->get('/test?blocks=1')->{status} == 200 } 1 .. 50;
        is $good, 50, "$mode to $where: requests are served";
        if ($where !~ /invalid/) {
            my $failures = 0;
            Playcount::Server::wait_until('failures', sub {
                $alone->get('/test?blocks=1');
                $failures = Playcount::Metrics::json($alone)->{metrics}{statsd}{failures};
                return $failures >= 3;
            });
            cmp_ok $failures, '>=', 3, "$mode to $where: failures are counted";
            my @said = $alone->error_log =~ /(PlaycountStatsd: \S+ cannot be reached: nobody listens)/g;
            is scalar(@said), 1, "$mode to $where: said once";
            my $late = IO::Socket::INET->new(LocalAddr => $where, Proto => 'udp') or die $!;
            receive($late, sub { $alone->get('/test?blocks=1'); @{ $_[0] } > 1 });
            $alone->wait_for_log(qr/PlaycountStatsd: sending to \Q$where\E/);
        }
        if ($where =~ /invalid/) {
            $alone->wait_for_log(qr/PlaycountStatsd: no\.such\.host\.invalid:8125 cannot be reached/);
            my ($killed) = $alone->children;
            $alone->kill9_child($killed);
            Playcount::Server::wait_until('another child', sub {
                my @now = $alone->children;
                return @now >= 2 && !grep { $_ == $killed } @now;
            });
            sleep 1;
            $alone->stop;
            my @said = $alone->error_log =~ /(PlaycountStatsd: .* cannot be reached)/g;
            is scalar(@said), 1, "$mode to $where: said once, by whichever process";
        }
    }
}

done_testing;
