# What is wrong with PlaycountHandoff stops the start, and the remedy is named.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $dbd = sqlite_dbd('/nowhere/plays.db');

sub refused
{
    my ($config, $why, $name, %option) = @_;
    my $server = Playcount::Server->new(
        start => 0, songs => 10, modules => ['dbd'], config => $config, %option);
    like $server->refusal // 'it started', $why, $name;
}

refused("PlaycountHandoff dbd", qr/needs a database; add DBDriver/, 'no database');
refused("PlaycountHandoff dbd", qr/needs mod_dbd; add LoadModule/, 'no mod_dbd',
    modules => []);
refused("${dbd}PlaycountHandoff oracle", qr/use dbd/, 'an engine that there is not');
refused("${dbd}PlaycountHandoff dbd zone=other", qr/no zone other; add PlaycountZone other/,
    'a zone that there is not');
refused("${dbd}PlaycountHandoff dbd\nPlaycountHandoff dbd interval=2",
    qr/delivered already, at .*httpd.conf:\d+; a zone has one consumer/, 'twice');
refused("${dbd}PlaycountHandoff dbd interval=0", qr/interval=0 is not a number of seconds/,
    'no interval');
refused("${dbd}PlaycountHandoff dbd \"node=a'b\"", qr/not a name; use 1 to 63/, 'no name');
refused("${dbd}PlaycountHandoff dbd \"statement=a b\"", qr/not a label/, 'no label');
refused("${dbd}PlaycountHandoff dbd statement=$_", qr/not a label that every database takes/,
    "$_ is none for PostgreSQL") for 'countPlays', 'count-plays', 'count.plays', '1st';
refused("${dbd}PlaycountHandoff dbd often", qr/'often' is not an option of dbd; use zone=/,
    'no option');

my $server = Playcount::Server->new(songs => 10, modules => ['dbd'],
    config => "${dbd}PlaycountHandoff dbd statement=nothing");
like $server->error_log, qr/in memory only: plays that are not delivered yet are lost/,
    'a zone in memory is warned of';
is $server->post('/handoff')->{status}, 409, 'leases are refused where the server delivers';
is $server->delete('/handoff/1')->{status}, 409, 'so is acknowledging';
$server->stop;

my $dir = database_directory();
sqlite_make("$dir/plays.db", 'CREATE TABLE songs (id TEXT, n INTEGER)');
for ([statement => 'nothing', qr/no DBDPrepareSQL with the label nothing/],
    [statement => 'one', qr/must have two parameters/]) {
    my $s = Playcount::Server->new(songs => 10, modules => ['dbd'],
        config => sqlite_dbd("$dir/plays.db")
            . "DBDPrepareSQL \"UPDATE songs SET n = n + %lld\" one\n"
            . "PlaycountHandoff dbd interval=1 statement=$_->[1]");
    $s->post('/song/a');
    ok $s->wait_for_log($_->[2]), "statement=$_->[1]: what is wrong is said";
}

# The statement is the one that holds where PlaycountHandoff stands, and mod_dbd, which
# could not prepare the other one, has nothing to do with it.
{
    my $s = Playcount::Server->new(songs => 10, modules => ['dbd'], config => <<"EOF");
DBDriver sqlite3
DBDPrepareSQL "SELECT nonsense" count_plays
<IfModule mod_dbd.c>
    <VirtualHost *:1>
        <IfModule mod_dbd.c>
            DBDParams $dir/plays.db
            DBDPrepareSQL "UPDATE songs SET n = n + %lld WHERE id = %s" count_plays
        </IfModule>
        PlaycountHandoff dbd interval=1 statement=count_plays
    </VirtualHost>
</IfModule>
EOF
    sqlite("$dir/plays.db", "INSERT INTO songs VALUES ('a', 0)");
    $s->post('/song/a');
    is_deeply settle(sub { sqlite_counts("$dir/plays.db", 'songs') }, { a => 1 }),
        { a => 1 }, "a virtual host's own statement";
}

# Zones apart, each with a database of its own, and one without.
my $config = <<"EOF";
PlaycountZone one songs=10
PlaycountZone two songs=10
PlaycountZone three songs=10
DBDriver sqlite3
DBDPersist Off
<Location /one>
    SetHandler playcount
    PlaycountUse one
</Location>
<Location /two>
    SetHandler playcount
    PlaycountUse two
</Location>
<Location /three>
    SetHandler playcount
    PlaycountUse three
</Location>
<VirtualHost *:1>
    DBDParams $dir/one.db
    PlaycountHandoff dbd zone=one interval=1
</VirtualHost>
<VirtualHost *:1>
    ServerName two
    DBDParams $dir/two.db
    PlaycountHandoff dbd zone=two interval=1 node=second
</VirtualHost>
EOF
$server = Playcount::Server->new(
    songs => undef, location => undef, modules => ['dbd'], config => $config);
$server->post('/one/song/a');
$server->post('/two/song/b?by=2');
$server->post('/three/song/c');
counts_ok(settle(sub { sqlite_counts("$dir/one.db") }, { a => 1 }), { a => 1 },
    'one zone into one database');
counts_ok(settle(sub { sqlite_counts("$dir/two.db") }, { b => 2 }), { b => 2 },
    'another into another');
is sqlite("$dir/two.db", 'SELECT node FROM playcount_handoff'), "second\n",
    'under the name that node= gives';
is $server->post('/three/handoff')->{content}, 'c=1', 'a third over HTTP';
done_testing;
