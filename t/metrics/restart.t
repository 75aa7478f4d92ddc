# Figures survive graceful restarts, under load and with children of both
# generations counting; nothing is lost, nothing stays in flight, memory is the
# same. A changed shape starts over, and says so.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

for my $mpm (qw(event prefork)) {
    my $config = '';
    my $server = Playcount::Metrics::server(mpm => $mpm);
    $server->get('/test?blocks=2&size=5') for 1 .. 10;
    # A response that ends only when the client has read it.
    my $slow = $server->socket;
    print $slow "GET /test?blocks=3000&size=10000 HTTP/1.1\r\nHost: t\r\n"
        . "Connection: close\r\n\r\n";
    Playcount::Server::wait_until('it is in flight', sub {
        return Playcount::Metrics::json($server)->{metrics}{total}{in_flight} == 1;
    });
    my $segments = sub {
        my ($pid) = @_;
        return scalar(() = Playcount::Server::slurp("/proc/$pid/maps") =~ m{/dev/zero|/SYSV}g);
    };
    my $before = $segments->($server->pid);
    $server->graceful(old_may_stay => 1);
    my $json = Playcount::Metrics::json($server)->{metrics}{total};
    is $json->{requests}, 10, "$mpm: counts are there after a graceful restart";
    is $json->{in_flight}, 1, "$mpm: a request of the old generation is still in flight";
    1 while sysread $slow, my $answer, 1_000_000;
    close $slow;
    Playcount::Server::wait_until('it has ended', sub {
        $json = Playcount::Metrics::json($server)->{metrics}{total};
        return $json->{in_flight} == 0 && $json->{requests} == 11;
    });
    is $json->{output_length}{sum}, 30_000_100, "$mpm: and is counted when it ends";

    for (1 .. 5) {
        $server->graceful;
        $server->get('/test?blocks=2&size=5') for 1 .. 10;
    }
    Playcount::Server::wait_until('all counted', sub {
        return Playcount::Metrics::json($server)->{metrics}{total}{requests} >= 61;
    });
    is Playcount::Metrics::json($server)->{metrics}{total}{requests}, 61,
        "$mpm: five restarts on, every request is counted once";
    is $segments->($server->pid), $before, "$mpm: in the same memory";
    like $server->error_log, qr/metrics: .* counts go on/, "$mpm: which the log says";

    my $first = $server->{config};
    $server->set_config($first . "PlaycountRoutes 5\n");
    $server->graceful;
    my $metrics = Playcount::Metrics::json($server)->{metrics};
    is $metrics->{routes_limit}, 5, "$mpm: another number of routes";
    is $metrics->{total}{requests}, 0, "$mpm: begins anew";

    # Shapes come and go, and with one a child that was killed in the middle of a request.
    my $socket = $server->socket;
    print $socket "GET /test?before=60000 HTTP/1.1\r\nHost: t\r\n\r\n";
    Playcount::Server::wait_until('it is in flight', sub {
        return Playcount::Metrics::json($server)->{metrics}{total}{in_flight} == 1;
    });
    my %old = map { $_ => 1 } $server->children;
    $server->set_config($first . "PlaycountRoutes 6\n");
    $server->graceful(old_may_stay => 1);
    my @busy;
    Playcount::Server::wait_until('one of the old ones is left', sub {
        @busy = grep { $old{$_} } $server->children;
        return @busy == 1;
    });
    $server->kill9_child(@busy);
    $server->set_config($first . "PlaycountRoutes 5\n");
    $server->graceful;
    is Playcount::Metrics::json($server)->{metrics}{total}{in_flight}, 0,
        "$mpm: a child killed between two shapes leaves nothing in flight";
    is $segments->($server->pid), $before, "$mpm: the memory of another shape is given back";
    close $socket;
}

done_testing;
