# kill -9 of the whole server under load: with file=, every acknowledged play is
# there after the start.
use strict;
use warnings;
use Test::More;
use Playcount::Players;
use Playcount::Server;

for my $mpm (qw(event prefork)) {
    my $server = Playcount::Server->new(mpm => $mpm, songs => '50k', zone_file => 1);
    my $load = Playcount::Players->start($server->port, clients => 4, songs => 10_000,
        requests => 'mixed');
    for my $round (1 .. 6) {
        $load->wait_for($load->plays + 50 + int rand 400);
        $server->kill9_all;
        $server->start;
    }
    $load->wait_for($load->plays + 100);
    my $result = $load->stop;

    is_deeply $result->{other}, [], "$mpm: whoever was answered was answered well";
    cmp_ok $result->{broken}, '>', 0, "$mpm: requests were under way";
    is_deeply [Playcount::Players::wrong_counts($result,
        Playcount::Players::counts($server->get('/')->{content}))], [],
        "$mpm: all acknowledged plays are there, and none that was not sent";

    my $before = $server->get('/')->{content};
    $server->kill9_all;
    $server->start;
    is $server->get('/')->{content}, $before, "$mpm: counts and order are as before";
    is $server->get('/songs?top=5')->{status}, 200, "$mpm: it can be searched";
    is $server->post('/song/new')->{content}, '1', "$mpm: and counted in";
}

done_testing;
