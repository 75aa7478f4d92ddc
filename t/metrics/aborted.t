# Requests that do not end well: a client that goes away, a handler that dies,
# a child that is killed. Each is counted for what it was, or not at all when
# its process is gone, and nothing stays in flight.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

for my $mpm (qw(event worker prefork)) {
    my $server = Playcount::Metrics::server(mpm => $mpm, config => <<'EOF');
SendBufferSize 8192
PlaycountRoute measured
EOF
    my $in_flight = sub {
        my ($n) = @_;
        return Playcount::Server::wait_until("$n in flight", sub {
            # The child that kept our connection may be the one that was killed.
            $server->hang_up;
            my $route = eval { Playcount::Metrics::route($server, 'measured') };
            return $route && $route->{in_flight} == $n;
        });
    };
    my $send = sub {
        my ($path) = @_;
        my $socket = $server->socket;
        print $socket "GET $path HTTP/1.1\r\nHost: t\r\n\r\n";
        $socket->flush;
        return $socket;
    };

    my $socket;
    my $entry = Playcount::Metrics::log_entry($server, sub {
        $socket = $send->('/test?blocks=100000&size=10000');
        read $socket, my $start, 1000;
        ok $in_flight->(1), "$mpm: a response that is read slowly is in flight";
        close $socket;
    });
    ok $in_flight->(0), "$mpm: and no more when the client is gone";
    my $route = Playcount::Metrics::route($server, 'measured');
    is_deeply $route->{outcomes}, { complete => 0, aborted => 1, error => 0 },
        "$mpm: a client that goes away half-way: aborted";
    cmp_ok $entry->{blocks}, '<', 100_000, "$mpm: with the blocks passed on until then";
    is $entry->{blocks} * 10000, $entry->{length}, "$mpm: and their bytes";

    $server->get('/test?return=500');
    $server->get('/test?blocks=3&die=502&how=flush');
    $server->get('/test?return=404');
    $server->get('/test?blocks=1');
    Playcount::Server::wait_until('all counted', sub {
        $route = Playcount::Metrics::route($server, 'measured');
        return $route->{requests} == 5;
    });
    is_deeply $route->{outcomes}, { complete => 2, aborted => 1, error => 2 },
        "$mpm: a handler that fails: error, before its blocks and after";
    is $route->{status}{'5xx'}, 2, "$mpm: with its status";
    is $route->{status}{'4xx'}, 1, "$mpm: 404 is complete";

    # Children killed with requests in flight, by us and by themselves.
    my @sockets = map { $send->('/test?before=60000') } 1 .. 4;
    ok $in_flight->(4), "$mpm: four sleeping handlers are in flight";
    my @children = $server->children;
    kill 'KILL', @children;
    ok $in_flight->(0), "$mpm: kill -9 of their children takes them away";
    $server->hang_up;
    close $_ for splice @sockets;
    @sockets = map { $send->('/test?blocks=1&how=flush&crash=1') } 1 .. 3;
    $_->sysread(my $answer, 1000) for @sockets;
    ok $in_flight->(0), "$mpm: a handler that kills its process leaves none either";
    is $server->get('/test?blocks=1')->{status}, 200, "$mpm: and the others go on";
    Playcount::Server::wait_until('the last one counted', sub {
        $route = Playcount::Metrics::route($server, 'measured');
        return $route->{requests} == 6;
    });
    is $route->{in_flight}, 0, "$mpm: nothing in flight in the end";
    is $route->{requests}, 6, "$mpm: what was killed is not counted, all else once";
}

done_testing;
