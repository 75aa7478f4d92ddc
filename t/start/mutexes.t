# Every mechanism of Mutex that can be used works, including kill -9 of the process that
# holds the lock.
use strict;
use warnings;
use Test::More;
use Playcount::Players;
use Playcount::Server;

for my $mutex ('default', 'fcntl', 'flock', 'file:run', 'sysvsem', 'pthread') {
    my $server = Playcount::Server->new(songs => '100k', config => "Mutex $mutex playcount",
        processes => 6, threads => 4);
    # Batches take the lock with each request.
    my $load = Playcount::Players->start($server->port, clients => 4, songs => 30_000,
        requests => 'batch');
    $load->wait_for(20);
    $server->graceful;
    for (1 .. 4) {
        $load->wait_for($load->plays + 20);
        my $children = Playcount::Server::wait_until('children', sub {
            my @now = $server->children;
            return @now > 1 ? \@now : undef;
        });
        kill 'KILL', $children->[int rand @$children];
    }
    $load->wait_for($load->plays + 50);
    my $result = $load->stop;
    is_deeply $result->{other}, [], "$mutex: nobody waits, nobody is refused";
    is_deeply [Playcount::Players::wrong_counts($result,
        Playcount::Players::counts($server->get('/')->{content}))], [], "$mutex: the counts are right";
    is $server->post('/song/new')->{content}, '1', "$mutex: new songs are taken";
}

done_testing;
