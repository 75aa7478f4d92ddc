# Under worker and prefork, where a thread stays with its connection, the lane answers
# the same bytes as httpd does without it; time limits and the last request on a
# connection are httpd's; nothing that httpd would refuse is answered; and graceful
# restarts cost no request.
use strict;
use warnings;
use Test::More;
use Playcount::LaneAnswers;
use Playcount::LaneRules;
use Playcount::Restarts;
use Time::HiRes qw(time);

my $play = "POST /song/p HTTP/1.1\r\nHost: localhost\r\n\r\n";
my $other = "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n";

for my $mpm ('worker', 'prefork') {
    my %server = (mpm => $mpm, processes => $mpm eq 'prefork' ? 6 : 1);

    Playcount::LaneAnswers::test(%server, cuts => 7, every => $mpm eq 'prefork' ? 5 : 1);

    my @pair = Playcount::Lane::pair(%server, modules => ['status', 'reqtimeout'],
        config => "MaxKeepAliveRequests 9\nRequestReadTimeout header=2 body=2\nPlaycountMetrics On\n");
    like $pair[0]->error_log, qr{PlaycountLane: /song/ is answered by the lane}, "$mpm: the lane is there";
    for my $steps ([($play) x 12], [$play, $play, $other, $play, $play, $play],
        [$play, $play, $play x 9], [$play x 12]) {
        my @said = map { Playcount::Lane::talk($_, @$steps) } @pair;
        is_deeply $said[0], $said[1], "$mpm: limited connections: " . scalar @$steps;
    }
    my @cut = map {
        my $socket = Playcount::Lane::connect_to($_);
        for my $bytes ($play, $play, $play, substr $play, 0, 20) {
            syswrite $socket, $bytes;
            Playcount::Lane::read_answers($socket, ['POST']) if $bytes eq $play;
        }
        Playcount::Lane::neutral($_, Playcount::Lane::read_answers($socket, ['POST', 'POST']));
    } @pair;
    is $cut[0], $cut[1], "$mpm: a request that does not become complete";

    # Counted and measured, whoever answers.
    my $numbers = Playcount::Lane::numbers($pair[0]);
    cmp_ok $numbers->{Requests}, '>=', 15, "$mpm: $numbers->{Requests} requests were the lane's";
    is $pair[0]->get('/song/p')->{content}, $pair[1]->get('/song/p')->{content},
        "$mpm: the same plays are counted";

    # One that waits in the lane, one that has stopped reading.
    my $idle = Playcount::Lane::server('On', %server, config => "KeepAliveTimeout 2\n");
    my $socket;
    # As long as it is not idle for too long already.
    ok Playcount::Server::wait_until('a connection in the lane', sub {
        $socket = Playcount::Lane::connect_to($idle);
        for (1 .. 3) {
            syswrite $socket, $play;
            Playcount::Lane::read_answers($socket, ['POST']);
        }
        return Playcount::Lane::numbers($idle)->{Connections} == 1;
    }), "$mpm: a connection is in the lane";
    is Playcount::Lane::read_answers($socket, ['POST']), '(end)', "$mpm: it is closed when idle";
    $idle->hang_up;
    Playcount::Server::wait_until('no connection', sub {
        return Playcount::Lane::numbers($idle)->{Connections} == 0;
    });
    $idle->stop;
    unlike $idle->error_log, qr/exit signal/, "$mpm: it ends in good order";

    my $rules = Playcount::LaneRules::test(7, 25, 150, %server);
    is $rules->{different}, 0, "$mpm: $rules->{requests} requests under random rules";
    cmp_ok $rules->{lane}, '>', 40, "$mpm: many of them by the lane ($rules->{lane})";

    Playcount::Restarts::test(mpm => $mpm, restarts => 6, config => "PlaycountLane On\n");
}

done_testing;
