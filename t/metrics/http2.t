# HTTP/2 with many streams at once: each stream is a request, counted once,
# with its own blocks and bytes.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

for my $mpm (qw(event worker)) {
    my $server = Playcount::Metrics::server(
        mpm => $mpm, modules => ['http2'], config => "Protocols h2c http/1.1\n");
    my $port = $server->port;
    my $url = "http://127.0.0.1:$port/test";
    Playcount::Server::spew($server->root . '/urls', join '',
        map { "$url?blocks=$_&size=1000&how=brigade\n$url?blocks=$_&pipe=777\n" }
            1 .. 100);
    # A stream for each line, 80 at once.
    my $report = `h2load -n 200 -c 1 -m 80 -i @{[$server->root]}/urls 2>&1`;
    like $report, qr/200 succeeded, 0 failed/, "$mpm: 200 streams answered in HTTP/2";

    my @entries;
    Playcount::Server::wait_until('200 lines', sub {
        @entries = Playcount::Metrics::entries($server);
        return @entries >= 200;
    });
    is scalar(@entries), 200, "$mpm: each has one line";
    my (%blocks, $wrong, $disorder);
    for my $entry (@entries) {
        $blocks{"$entry->{blocks} $entry->{length}"}++;
        $disorder++ if $entry->{output} > $entry->{application}
            || $entry->{application} > $entry->{request};
    }
    my %want;
    $want{ "$_ " . $_ * 1000 }++,
        $want{ ($_ + 1) . ' ' . ($_ + 777) }++ for 1 .. 100;
    is_deeply \%blocks, \%want, "$mpm: with its own blocks and bytes";
    is $disorder, undef, "$mpm: and its times in order";
    my $total;
    Playcount::Server::wait_until('none in flight', sub {
        $total = Playcount::Metrics::json($server)->{metrics}{total};
        return $total->{in_flight} == 0;
    });
    is $total->{requests}, 200, "$mpm: each is counted once";
    is $total->{outcomes}{complete}, 200, "$mpm: as complete";

    # A client that leaves in the middle of its streams.
    my $pid = Playcount::Process::start({}, qw(h2load -n 5 -c 1 -m 5),
        "$url?blocks=2000&size=10&between=20&how=flush");
    Playcount::Server::wait_until('streams in flight', sub {
        return Playcount::Metrics::json($server)->{metrics}{total}{in_flight} > 0;
    });
    Playcount::Process::end($pid, 'KILL');
    Playcount::Server::wait_until('none in flight', sub {
        $total = Playcount::Metrics::json($server)->{metrics}{total};
        return $total->{in_flight} == 0;
    });
    cmp_ok $total->{outcomes}{aborted}, '>=', 1, "$mpm: streams of a client that left: aborted";
    is $total->{outcomes}{complete} + $total->{outcomes}{aborted}, $total->{requests},
        "$mpm: and nothing else happened";
}

done_testing;
