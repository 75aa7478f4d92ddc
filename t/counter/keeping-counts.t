# A zone in a file survives a stop and any restart; a zone in memory survives
# restarts, not a stop. A file belongs to one server at a time.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(songs => 100, zone_file => 1);
my $expected = '';
for my $n (1 .. 60) {
    $server->post("/song/$n?by=" . $n * 7);
    $expected .= ($expected eq '' ? '' : ',') . "$n=" . $n * 7;
}
my $port = $server->port;

sub is_kept { is $server->get('/')->{content}, $expected, $_[0] }
is_kept('counts');
$server->stop->start;
is_kept('a file is there after a stop and start');
$server->graceful;
is_kept('after a graceful restart');
my $before = $server->generations;
kill 'HUP', $server->pid;
Playcount::Server::wait_until('restart', sub { $server->generations > $before });
is_kept('after a restart at once (HUP)');
$server->kill9_all->start;
is_kept('after kill -9');

# More room.
$server->{songs} = 200;
$server->write_config;
$server->graceful;
is_kept('with another songs= a graceful restart goes on with the zone as it is');
like $server->error_log,
    qr/\[playcount:warn\].* PlaycountZone default \(\S+:\d+\): the zone goes on as it is \(songs=100 .*\); to change it, stop the server and start it/,
    'and the log says so, and what to do';
$server->stop->start;
is_kept('it grows with the next start');
$server->post("/song/more-$_") for 1 .. 140;
is $server->post('/song/one-too-many')->{status}, 507, 'to exactly the size that was said';
$expected .= join '', map { ",more-$_=1" } 1 .. 140;
is_kept('and keeps the counts');
$server->{mpm} = 'prefork';
$server->write_config;
$server->stop->start;
is_kept('another MPM has them too');

# Less room than songs.
$server->stop;
my $bytes = Playcount::Server::slurp($server->zone_file);
$server->{songs} = 150;
$server->write_config;
like $server->refusal, qr/PlaycountZone default \(.*\): file=\S+ .*200.*songs/, 'songs= below what is in it is refused';
ok Playcount::Server::slurp($server->zone_file) eq $bytes, 'the file is as it was';
$server->{songs} = 200;
$server->write_config;
$server->start;
is_kept('and opens again');

# A second server.
my $second = Playcount::Server->new(songs => 200, zone_file => $server->zone_file, start => 0);
like $second->refusal, qr/PlaycountZone default .*file=\S+ is in use by another server/,
    'a second server on the same file is refused';
is_kept('the first one goes on');
is $server->post('/song/1')->{content}, '8', 'and counts';
$server->delete('/');
$server->stop->start;
is $server->get('/')->{content}, '', 'what is cleared stays so';
$server->stop;
$second->start;
is $second->post('/song/1')->{content}, '1', 'when it has stopped the other can have it';

# Memory.
my $memory = Playcount::Server->new(songs => 100);
$memory->post('/song/1');
$memory->graceful;
is $memory->get('/')->{content}, '1=1', 'memory is kept by a graceful restart';
$before = $memory->generations;
kill 'HUP', $memory->pid;
Playcount::Server::wait_until('restart', sub { $memory->generations > $before });
is $memory->get('/')->{content}, '1=1', 'and by a restart at once';
$memory->stop->start;
is $memory->get('/')->{content}, '', 'not by a stop';

# A zone that comes with a graceful restart.
$memory->set_config("PlaycountZone more songs=5\n<Location /more>\nSetHandler playcount\nPlaycountUse more\n</Location>");
$memory->graceful;
is $memory->post('/more/song/1')->{content}, '1', 'a graceful restart can bring a zone';
is $memory->get('/')->{content}, '', 'beside the one that is there';

done_testing;
