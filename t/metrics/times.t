# The times are those of a handler that sleeps a known while before, between
# and after its blocks, and of a client that reads slowly. A time is compared
# with what must have gone into it at least, and with a part of the same
# request; never with a limit on how fast the machine is.
use strict;
use warnings;
use Test::More;
use Socket qw(MSG_PEEK);
use Time::HiRes qw(sleep time);
use Playcount::Metrics;

# Read nothing until the server has nowhere to write to, and then for so long.
sub stall
{
    my ($socket, $seconds) = @_;
    my ($before, $same) = (0, 0);
    Playcount::Server::wait_until('a full socket', sub {
        sleep 0.05;
        recv $socket, my $there, 1 << 24, MSG_PEEK;
        $same = length $there == $before ? $same + 1 : 0;
        $before = length $there;
        return $before && $same >= 4;
    });
    sleep $seconds;
}

for my $mpm (qw(event worker prefork)) {
    my $server = Playcount::Metrics::server(mpm => $mpm, config => <<'EOF');
SendBufferSize 8192
LogFormat "%U|%{us}^Pr|%{ms}^Pr|%{s}^Pr|%{ms}^Pa|%{s}^Po|%{playcount-request-time}n|%{playcount-application-time}n|%{playcount-output-time}n|%{playcount-output-blocks}n|%{playcount-route}n|%^Pr|%^Pa|%^Po" units
CustomLog logs/units units
EOF
    my $measure = sub {
        my ($query) = @_;
        my $start = time;
        my $entry = Playcount::Metrics::log_entry($server, sub {
            is $server->get("/test?$query")->{status}, 200, "$mpm: $query";
        });
        $entry->{outside} = (time - $start) * 1e6;
        return $entry;
    };

    my $before = $measure->('before=200&blocks=1');
    cmp_ok $before->{application}, '>=', 200_000, "$mpm: a sleep before the blocks counts";
    cmp_ok $before->{application} - $before->{output}, '>=', 200_000,
        "$mpm: and is no output time";

    my $between = $measure->('blocks=4&between=60&how=flush');
    cmp_ok $between->{application} - $between->{output}, '>=', 240_000,
        "$mpm: sleeps between the blocks are no output time";

    my $after = $measure->('blocks=2&after=200');
    cmp_ok $after->{application} - $after->{output}, '>=', 200_000,
        "$mpm: nor is one after them";

    for my $entry ($before, $between, $after) {
        cmp_ok $entry->{request}, '>=', $entry->{application},
            "$mpm: request time has the application time in it";
        cmp_ok $entry->{request}, '<=', $entry->{outside},
            "$mpm: and is not more than what passed outside";
    }

    # A client that begins to read late: the handler passes on megabytes, the
    # socket's buffer is small.
    my $got = Playcount::Metrics::log_entry($server, sub {
        my $socket = $server->socket;
        print $socket "GET /test?blocks=400&size=10000 HTTP/1.1\r\nHost: t\r\n"
            . "Connection: close\r\n\r\n";
        $socket->flush;
        stall($socket, 0.5);
        my $length = 0;
        while (read $socket, my $buffer, 65536) {
            $length += length $buffer;
        }
        cmp_ok $length, '>=', 4_000_000, "$mpm: a slow client gets it all";
    });
    cmp_ok $got->{output}, '>=', 500_000, "$mpm: waiting for the client is output time";
    cmp_ok $got->{output}, '<=', $got->{application}, "$mpm: within the application time";

    # One block: under event the handler is gone long before the end is written.
    $got = Playcount::Metrics::log_entry($server, sub {
        my $socket = $server->socket;
        print $socket "GET /test?blocks=1&size=4000000 HTTP/1.1\r\nHost: t\r\n"
            . "Connection: close\r\n\r\n";
        $socket->flush;
        stall($socket, 0.5);
        my $length = 0;
        while (read $socket, my $buffer, 65536) {
            $length += length $buffer;
        }
        cmp_ok $length, '>=', 4_000_000, "$mpm: one big block arrives";
    });
    cmp_ok $got->{output}, '>=', 500_000,
        "$mpm: also when the handler is gone before the end is written";

    # The units of the log items, and the notes.
    my @lines = Playcount::Server::wait_until('units', sub {
        my @l = split /\n/, Playcount::Server::slurp($server->root . '/logs/units');
        return @l >= 5 ? \@l : 0;
    })->@*;
    my $wrong = 0;
    for my $line (@lines) {
        my (undef, $us, $ms, $s, $app_ms, $out_s, $note, $note_app, $note_out,
            $note_blocks, $note_route, $r, $a, $o) = split /\|/, $line;
        $wrong++ if $ms ne sprintf '%.3f', $us / 1000;
        $wrong++ if $s ne sprintf '%.6f', $us / 1e6;
        $wrong++ if $app_ms ne sprintf '%.3f', $a / 1000;
        $wrong++ if $out_s ne sprintf '%.6f', $o / 1e6;
        $wrong++ if $us ne $r || $note ne $r || $note_app ne $a || $note_out ne $o;
        $wrong++ if $note_route ne 'playcount-test' || $note_blocks !~ /^\d+$/;
    }
    is $wrong, 0, "$mpm: the items in us, ms and s and the notes say the same";
}

done_testing;
