# kill -9 of any child at any moment: no acknowledged play is lost, none is made
# up, and no process waits for a dead one.
use strict;
use warnings;
use List::Util qw(shuffle);
use Test::More;
use Playcount::Players;
use Playcount::Server;

for my $mpm (qw(event worker prefork)) {
    my $server = Playcount::Server->new(
        mpm => $mpm, songs => '100k', processes => 10, $mpm eq 'prefork' ? () : (threads => 4));
    my $load = Playcount::Players->start($server->port, clients => 5, songs => 20_000,
        requests => 'mixed');
    my $kills = 0;
    # Every child once, so that the one that has the clients is among them.
    my @first = shuffle $server->children;
    for (1 .. 14) {
        # Each one while plays are being counted, and one is always left.
        $load->wait_for($load->plays + 20 + int rand 60);
        my @children = Playcount::Server::wait_until('children', sub {
            my @now = $server->children;
            return @now > 1 ? \@now : undef;
        });
        my $child = shift @first // $children[0][int rand @{ $children[0] }];
        $kills += kill 'KILL', $child;
    }
    $load->wait_for($load->plays + 100);
    my $result = $load->stop;

    is $kills, 14, "$mpm: children were killed";
    is_deeply $result->{other}, [], "$mpm: everybody else was answered";
    cmp_ok $result->{broken}, '>', 0, "$mpm: requests were under way in those who died";
    is_deeply [Playcount::Players::wrong_counts($result,
        Playcount::Players::counts($server->get('/')->{content}))], [],
        "$mpm: all acknowledged plays are there, and none that was not sent";
    is $server->post('/song/after')->{content}, '1', "$mpm: new songs are taken";
    is $server->delete('/')->{content}, 'OK', "$mpm: it can be cleared";
    is $server->get('/')->{content}, '', "$mpm: and is empty then";
    unlike $server->error_log, qr{exit signal (?!Killed)},
        "$mpm: nobody died by itself";
}

done_testing;
