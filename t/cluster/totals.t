# What servers of a cluster show: the total of all, in every answer; their own part when
# asked; after a clear on one of them, none shows anything of before.
use strict;
use warnings;
use Cpanel::JSON::XS;
use Test::More;
use Playcount::Cluster;
use Playcount::Handoff;
use Playcount::Server;

my $cluster = Playcount::Cluster->new;
my @servers = $cluster->servers;

sub shows
{
    my ($server, $path, $wanted, $name) = @_;
    my $last;
    eval {
        Playcount::Server::wait_until($name, sub {
            $servers[$server]->hang_up;
            $last = $servers[$server]->get($path)->{content};
            return $last eq $wanted;
        });
    };
    is $last, $wanted, $name;
}

$cluster->play(0, common => 1, first => 10);
$cluster->play(1, common => 20);
$cluster->play(2, common => 300);
shows($_, '/song/common', 321, "server $_ shows the total") for 0 .. 2;
shows(1, '/song/first', 10, 'a song of another server');
shows(2, '/songs?top=2', 'common=321,first=10', 'the highest are the highest of all');
shows(2, '/songs?prefix=fi', 'first=10', 'a song of another server is in the listing');
shows(1, '/song/common?local=1', 20, 'local=1: the part of this server');
is $servers[1]->get('/song/common?local=2')->{status}, 400, 'local is 0 or 1';
like $servers[1]->get('/?local=1')->{content}, qr/common=20/, 'in listings, too';
is $servers[1]->post('/song/common')->{content}, 322, 'a POST answers the total';
is $servers[1]->post('/songs', content => 'common=2,first=5',
    headers => { 'Content-Type' => 'text/plain' })->{content}, 'common=324,first=15',
    'so does a batch';
my @once = map { $servers[1]->post('/songs', content => 'common=1',
    headers => { 'Content-Type' => 'text/plain', 'Idempotency-Key' => 'k1' })->{content} } 1, 2;
is_deeply \@once, ['common=325', 'common=325'], 'and a request that is sent again is answered the same';

# A single song: refused, and it stays on every server.
my $refused = $servers[1]->delete('/song/common');
is $refused->{status}, 409, 'DELETE of a single song is refused in a cluster';
like $refused->{content}, qr/belongs to a cluster, in which a single song cannot be forgotten/,
    '... with a sentence';
is $servers[1]->delete('/song/unknown')->{status}, 409, '... of any song';
shows($_, '/song/common', 325, "... and server $_ shows it as before") for 0 .. 2;

for (1 .. 2) {
    my $server = $servers[0];
    $server->graceful;
    shows(0, '/song/common', 325, 'the same after a graceful restart');
    $server->kill9_all;
    $server->start;
    is $server->get('/song/common')->{content}, 325, 'and after a crash, at once';
}

# Songs that do not fit: said, and the others go on.
my $small = $cluster->new_server(songs => 10);
$cluster->play(0, map { ("many-$_" => 2) } 1 .. 100);
$small->wait_for_log(qr/zone default is full: songs of other servers that do not fit/);
my ($song) = $small->get('/')->{content} =~ /^([^=]+)=/;
like $small->post("/song/$song")->{content}, qr/^\d+$/, 'and it goes on with what it has';

is $servers[2]->delete('/')->{content}, 'OK', 'a clear on one server';
for my $server (0, 1) {
    Playcount::Server::wait_until("server $server is cleared", sub {
        $servers[$server]->hang_up;
        return $servers[$server]->get('/')->{content} eq '';
    });
    pass "server $server forgets all songs, too";
}
$cluster->play(0, common => 7);
$cluster->play(2, common => 30);
shows($_, '/song/common', 37, "after it server $_ shows the new total") for 0 .. 2;
$small->stop;
$cluster->settles('and in Redis');
done_testing;
