# Delivery into MariaDB, as into the other databases: every acknowledged play once, whatever is
# killed; ids byte for byte; sums that stop; statements of one's own; songs that it refuses.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Mariadb;
use Playcount::Server;

plan skip_all => 'MariaDB or its driver is not installed' unless Playcount::Mariadb::is_installed();
my $MOST = '9223372036854775807';
my $mariadb = Playcount::Mariadb->new;

for my $persist (qw(Off On)) {
    $mariadb->query("DELETE FROM $_") for qw(playcount playcount_handoff playcount_refused);
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => $mariadb->dbd . "DBDPersist $persist\nPlaycountHandoff dbd interval=1");
    my @ids = ('a', 'A', 'a ', "\xc3\xa4", "\xc3\x84", "\xf0\x9f\x8e\xb5", "it's", 'b\\n', '%s', 'x' x 255);
    for my $id (@ids) {
        my $path = join '', map { sprintf '%%%02X', ord } split //, $id;
        is $server->post("/song/$path?by=3")->{status}, 200, "$persist: $id" if length $id < 20;
        $server->post("/song/$path?by=3") if length $id >= 20;
    }
    is_deeply settle(sub { $mariadb->counts }, { map { ($_ => 3) } @ids }), { map { ($_ => 3) } @ids },
        "DBDPersist $persist: ids are kept byte for byte";
    $server->hang_up;
    $server->post("/songs", content => "a=$MOST,A=1", headers => { 'Content-Type' => 'text/plain' }) for 1 .. 2;
    my $wanted = { (map { ($_ => 3) } @ids), a => $MOST, A => 5 };
    counts_ok(settle(sub { $mariadb->counts }, $wanted), $wanted, "DBDPersist $persist: a sum stops at the highest number");
    $server->hang_up;
    $server->post('/song/A');
    $server->post('/song/a');
    $wanted->{A}++;
    counts_ok(settle(sub { $mariadb->counts }, $wanted), $wanted, "DBDPersist $persist: and stays there");
    unlike $server->error_log, qr/not delivered/, "DBDPersist $persist: no delivery failed";
}

# Killed under load: the server, the database.
for my $kill ('server', 'database') {
    $mariadb->query("DELETE FROM $_") for qw(playcount playcount_handoff playcount_refused);
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => $mariadb->dbd . "DBDPersist Off\nPlaycountHandoff dbd interval=1");
    my $load = Playcount::Load->start($server, songs => 200);
    for (1 .. rounds(3)) {
        nap(0.2, 1.2);
        if ($kill eq 'server') {
            $server->kill9_all;
            $server->start;
        }
        else {
            $mariadb->kill9;
            $mariadb->start;
        }
    }
    my $played = $load->stop;
    my $zone = listing($server);
    my $database = settle(sub { $mariadb->counts }, $zone);
    bounds_ok($zone, $played, "$kill killed: the zone has each play once");
    counts_ok($database, $zone, "$kill killed: and so has the database");
    unlike $server->error_log, qr/exit signal/, "$kill killed: no process died by itself";
}

# A statement of one's own, and songs that it refuses.
{
    $mariadb->query("DELETE FROM $_") for qw(playcount playcount_handoff playcount_refused);
    $mariadb->query('CREATE TABLE songs (id integer PRIMARY KEY, plays integer NOT NULL)');
    $mariadb->query("INSERT INTO songs VALUES (1, 0), (2, 0), (3, 2147483647)");
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => $mariadb->dbd . "DBDPersist Off\n"
            . "DBDPrepareSQL \"UPDATE songs SET plays = plays + %lld WHERE id = %s\" plays\n"
            . 'PlaycountHandoff dbd statement=plays interval=1');
    my $refused = sub { return { map { split /\|/ } split /\n/, $mariadb->query('SELECT song, plays FROM playcount_refused') } };
    $server->post('/songs', content => '1=1,2=2,3=3,9=4', headers => { 'Content-Type' => 'text/plain' });
    my $in = { 1 => 1, 2 => 2, 3 => 2147483647 };
    is_deeply settle(sub { $mariadb->counts('songs') }, $in), $in, 'a statement of one\'s own';
    is_deeply settle($refused, { 3 => 3 }), { 3 => 3 }, 'a song whose column is full is kept aside';
    is_deeply settle(sub { $mariadb->counts }, { 9 => 4 }), { 9 => 4 }, 'one that it has not got is in the table playcount';
    like $server->error_log, qr/the database refused 1 songs of zone default.*"3".*[Oo]ut of range/, 'the log says why';
    $mariadb->query('ALTER TABLE songs MODIFY plays bigint NOT NULL');
    $mariadb->query('UPDATE playcount_refused SET retry = 1');
    $in->{3} = 2147483650;
    is_deeply settle(sub { $mariadb->counts('songs') }, $in), $in, 'tried again, it is added';
    is_deeply settle($refused, {}), {}, 'once';
}
done_testing;
