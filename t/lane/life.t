# Connections in the lane live as httpd's do: idle ones and incomplete requests have
# their time, the last request on a connection is told so, a client that does not
# read holds up nobody, and nothing that was acknowledged is lost when a child is
# killed.
use strict;
use warnings;
use Test::More;
use Playcount::Lane;
use Time::HiRes qw(sleep time);

my $play = "POST /song/p HTTP/1.1\r\nHost: localhost\r\n\r\n";
my $old = "POST /song/p HTTP/1.0\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n";

sub connection_in_lane
{
    my ($server) = @_;
    my $socket = Playcount::Lane::connect_to($server);

    for (1 .. 3) {
        syswrite $socket, $play;
        Playcount::Lane::read_answers($socket, ['POST']);
    }
    return $socket;
}

sub wait_for_connections
{
    my ($server, $n) = @_;

    Playcount::Server::wait_until("$n connections in the lane", sub {
        return Playcount::Lane::numbers($server)->{Connections} == $n;
    });
}

# After one request that the lane could have answered, the loop waits for the next.
{
    my $server = Playcount::Lane::server('On');
    my @idle = map { Playcount::Lane::connect_to($server) } 1 .. 20;
    for my $socket (@idle) {
        syswrite $socket, $play;
        like Playcount::Lane::read_answers($socket, ['POST']), qr/200 OK/, 'served';
    }
    wait_for_connections($server, 20);
    is Playcount::Lane::numbers($server)->{Requests}, 0, 'by httpd';
    syswrite $idle[7], $play x 3;
    like Playcount::Lane::read_answers($idle[7], [('POST') x 3]), qr/23$/, 'and three more';
    is Playcount::Lane::numbers($server)->{Requests}, 3, 'by the lane';
}

# Beside a module that looks at each connection when it is served, and has time limits.
{
    my @pair = Playcount::Lane::pair(modules => ['status', 'reqtimeout'],
        config => "RequestReadTimeout header=2 body=2\n");
    my $other = "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my @said = map { Playcount::Lane::talk($_, $play, $play, $other, $play) } @pair;
    like $said[0][-1], qr/3$/, 'three plays, and another request between';
    is_deeply $said[0], $said[1], 'as without the lane';
    my @cut = map {
        my $socket = Playcount::Lane::connect_to($_);
        syswrite $socket, substr $play, 0, 20;
        Playcount::Lane::read_answers($socket, ['POST']);
    } @pair;
    is $cut[0], $cut[1], 'a first request that does not become complete, too';
}

# The last answers of a connection, alike with and without the lane.
{
    my @pair = Playcount::Lane::pair(config => "MaxKeepAliveRequests 5\n");
    for my $request ($play, $old) {
        my @said = map { Playcount::Lane::talk($_, ($request) x 8) } @pair;
        is $said[0][-1], '(end)', 'the connection is closed after five requests';
        is_deeply $said[0], $said[1], 'as without the lane';
        @said = map { Playcount::Lane::talk($_, $request, $request, $request x 6) } @pair;
        is_deeply $said[0], $said[1], 'pipelined too';
    }
    cmp_ok Playcount::Lane::numbers($pair[0])->{Requests}, '>=', 8, 'mostly by the lane';
}

# Time limits.
{
    my @pair = Playcount::Lane::pair(config => "KeepAliveTimeout 2\nTimeout 2\n");
    my @answers;
    for my $server (@pair) {
        my $idle = connection_in_lane($server);
        my $cut = connection_in_lane($server);
        syswrite $cut, substr $play, 0, 30;
        is Playcount::Lane::read_answers($idle, ['POST']), '(end)',
            'an idle connection is closed';
        push @answers, Playcount::Lane::neutral($server,
            Playcount::Lane::read_answers($cut, ['POST', 'POST']));
    }
    is $answers[0], $answers[1], 'an incomplete request is told that it was too slow';
    wait_for_connections($pair[0], 0);
}

# Readers that do not read, beside one that does.
{
    my $server = Playcount::Lane::server('On', config => "Timeout 3\n", zone_file => 1);
    my $n = 400_000;
    my @lazy = map { connection_in_lane($server) } 1 .. 3;
    for my $socket (@lazy) {
        $socket->blocking(0);
        my $sent = 0;
        my $all = $play x $n;
        # Until the server takes no more.
        my $last = time;
        while ($sent < length $all && time - $last < 0.3) {
            my $wrote = syswrite $socket, $all, 65536, $sent;
            $wrote ? ($sent += $wrote, $last = time) : sleep 0.01;
        }
        cmp_ok $sent, '<', length $all, 'the server stops reading when nobody reads its answers';
    }
    my $busy = connection_in_lane($server);
    for (1 .. 50) {
        syswrite $busy, $play;
        Playcount::Lane::read_answers($busy, ['POST']) =~ /200 OK/ or fail 'another is served';
    }
    pass 'others are answered meanwhile';
    my $slow = shift @lazy;
    my $bytes = 0;
    $slow->blocking(1);
    while (my $read = sysread $slow, my $piece, 65536) {
        $bytes += $read;
        last if $bytes > 1_000_000;
    }
    cmp_ok $bytes, '>', 1_000_000, 'one that reads at last gets its answers';
    close $slow;
    Playcount::Server::wait_until('those that never read are given up', sub {
        return Playcount::Lane::numbers($server)->{Connections} <= 1;
    });
    pass 'those that never read are given up';

    # Killed children.
    my $before = $server->get('/song/p')->{content};
    syswrite $busy, $play x 100;
    my $answers = Playcount::Lane::read_answers($busy, [('POST') x 100]);
    my ($last) = $answers =~ /(\d+)$/;
    is $last, $before + 100, 'a hundred plays are acknowledged';
    $server->hang_up;
    $server->kill9_child(($server->children)[0]);
    is Playcount::Lane::read_answers($busy, ['POST']), '(end)', 'the child is killed';
    Playcount::Server::wait_until('another child', sub { return $server->children });
    is $server->get('/song/p')->{content}, $last, 'and no play is lost';
    $server->hang_up;
    wait_for_connections($server, 0);
}

# Connections of all kinds when the server stops.
for my $how ('graceful', 'stop') {
    my $server = Playcount::Lane::server('On', config => "AsyncRequestWorkerFactor 64\n");
    my @idle = map { connection_in_lane($server) } 1 .. 20;
    my @half = map { connection_in_lane($server) } 1 .. 20;
    syswrite $_, substr $play, 0, 20 for @half;
    my @lent = map { connection_in_lane($server) } 1 .. 3;
    # These wait for a body, in a thread of httpd's.
    syswrite $_, "POST /songs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n"
        for @lent;
    wait_for_connections($server, 43);
    if ($how eq 'graceful') {
        $server->hang_up;
        $server->graceful(old_may_stay => 1);
        is Playcount::Lane::read_answers($_, ['POST']), '(end)', 'graceful: an idle one is closed'
            for $idle[0], $idle[19];
        my $closing = qr/^HTTP\/1.1 200 OK.*Connection: close/s;
        my @all = map {
            syswrite $_, 'a=1';
            Playcount::Lane::read_answers($_, ['POST']);
        } @lent;
        push @all, map {
            syswrite $_, substr $play, 20;
            Playcount::Lane::read_answers($_, ['POST']);
        } @half;
        is scalar(grep { $_ =~ $closing } @all), 23,
            'graceful: requests that have begun are answered';
        Playcount::Server::wait_until('the old child to end', sub {
            return $server->children == 1;
        });
    }
    $server->hang_up;
    my $began = time;
    $server->stop;
    cmp_ok time - $began, '<', $Playcount::Server::PATIENCE, "$how: the server ends";
    unlike $server->error_log, qr/exit signal|SIGKILL/, "$how: by itself";
}

done_testing;
