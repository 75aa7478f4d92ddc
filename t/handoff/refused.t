# A song that the database refuses by itself holds up no other: the rest of its batch is
# delivered, and its own plays are kept aside in the table playcount_refused, once, until
# an operator has them tried again.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Postgres;
use Playcount::Server;

my $BIGGEST = '9223372036854775807';
my $PAGES = "<Location /metrics>\nSetHandler playcount-metrics\n</Location>\n"
    . "<Location /server-status>\nSetHandler server-status\n</Location>\n";

sub server
{
    my ($config, %option) = @_;
    my $statement = $option{statement}
        ? "DBDPrepareSQL \"$option{statement}\" count_plays\n" : '';
    return Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd', 'status'],
        config => "$PAGES$config${statement}PlaycountHandoff dbd interval=1"
            . ($statement ? ' statement=count_plays' : ''));
}

# All in one batch.
sub play
{
    my ($server, %plays) = @_;
    $server->hang_up;
    my $answer = $server->post('/songs',
        content => join(',', map { "$_=$plays{$_}" } sort keys %plays),
        headers => { 'Content-Type' => 'text/plain' });
    die "POST: $answer->{status} $answer->{content}" unless $answer->{status} == 200;
}

sub refused
{
    my ($database) = @_;
    return { map { split /\|/ } split /\n/,
        $database->('SELECT song, plays FROM playcount_refused') };
}

# The songs, and what is aside, are as they should be.
sub settled
{
    my ($name, $database, $counts, $wanted, $aside) = @_;
    counts_ok(settle($counts, $wanted), $wanted, "$name: the others are delivered");
    my $found = settle(sub { refused($database) }, $aside);
    is_deeply $found, $aside, "$name: what is refused is kept aside, once";
}

# Deliveries that failed, as the metrics tell.
sub failures
{
    my ($server) = @_;
    $server->hang_up;
    my ($n) = $server->get('/metrics')->{content}
        =~ /^playcount_zone_handoff_failures_total\{[^}]*\} (\d+)/m;
    return $n // die 'no failures in the metrics';
}

sub shown
{
    my ($name, $server, $songs, $plays) = @_;
    ok Playcount::Server::wait_until("$name: the metrics", sub {
        $server->hang_up;
        $server->get('/metrics')->{content} =~ /^playcount_zone_handoff_refused_songs\{zone="default"\} $songs$/m
    }), "$name: the metrics tell";
    my $page = $server->get('/metrics')->{content};
    like $page, qr/^playcount_zone_handoff_refused_plays\{zone="default"\} $plays$/m,
        "$name: songs and plays";
    like $server->get('/server-status?auto')->{content},
        qr/^PlaycountHandoff-default-RefusedSongs: $songs$/m, "$name: so does mod_status";
    like $server->get('/server-status')->{content},
        qr{<td>default</td><td>dbd</td>.*<td>$songs</td><td>$plays</td>},
        "$name: on its page, too";
}

# --- PostgreSQL, an integer key
{
    my $postgres = Playcount::Postgres->new;
    my $sql = sub { $postgres->query($_[0]) };
    $sql->('CREATE TABLE songs (id integer PRIMARY KEY, play_count integer)');
    $sql->("INSERT INTO songs VALUES (1, 0), (2, 0), (3, 0)");
    my $server = server($postgres->dbd, statement =>
        'UPDATE songs SET play_count = play_count + %lld WHERE id = %s');
    my $songs = sub { $postgres->counts('songs') };

    play($server, 1 => 1, 2 => 2);
    is_deeply settle($songs, { 1 => 1, 2 => 2, 3 => 0 }), { 1 => 1, 2 => 2, 3 => 0 },
        'an integer key, and WHERE id = %s';
    unlike $server->error_log, qr/not delivered/, 'at the first attempt';

    play($server, abc => 5, 1 => 1, 'd/e f' => 1, '4294967296' => 2);
    settled('ids that are no integers', $sql, $songs, { 1 => 2, 2 => 2, 3 => 0 },
        { abc => 5, 'd/e%20f' => 1, '4294967296' => 2 });
    like $server->error_log, qr/the database refused 3 songs of zone default, which are kept aside in its table playcount_refused; the first is "4294967296": the statement for the song "4294967296" failed .*integer/,
        'the log says which and why';
    shown('ids that are no integers', $server, 3, 8);
    like $sql->("SELECT reason FROM playcount_refused WHERE song = 'abc'"),
        qr/invalid input syntax for type integer/, 'so does the row';

    play($server, abc => 2, 3 => 1);
    settled('more of a song that was refused', $sql, $songs, { 1 => 2, 2 => 2, 3 => 1 },
        { abc => 7, 'd/e%20f' => 1, '4294967296' => 2 });

    play($server, xyz => 1);
    settled('alone in a batch', $sql, $songs, { 1 => 2, 2 => 2, 3 => 1 },
        { abc => 7, 'd/e%20f' => 1, '4294967296' => 2, xyz => 1 });

    # An integer column, full.
    play($server, 2 => 1000000000, 3 => 1);
    play($server, 2 => 1000000000);
    play($server, 2 => 1000000000);
    my $in;
    ok Playcount::Server::wait_until('all plays of 2', sub {
        $in = $songs->();
        return $in->{3} == 2 && $in->{2} + (refused($sql)->{2} // 0) == 3000000002;
    }), 'an integer column: each play is in one place';
    is $in->{3}, 2, 'and other songs are delivered';

    # What an operator does.
    $sql->('ALTER TABLE songs ALTER play_count TYPE bigint');
    $sql->("UPDATE playcount_refused SET retry = 1 WHERE song IN ('2', 'abc')");
    my $rest = { abc => 7, 'd/e%20f' => 1, '4294967296' => 2, xyz => 1 };
    is_deeply settle(sub { refused($sql) }, $rest), $rest, 'tried again: what can be added is';
    is $songs->()->{2}, 3000000002, 'once';
    ok $server->wait_for_log(qr/2 songs of the table playcount_refused were tried again, of which 1 were refused again/),
        'the log tells';
    is $sql->("SELECT retry FROM playcount_refused WHERE song = 'abc'"), "0\n",
        'what is refused again waits for the operator again';
    $sql->('DELETE FROM playcount_refused');
    shown('given up', $server, 0, 0);

    # That cannot be known: the whole batch waits.
    $sql->('ALTER TABLE songs RENAME TO away');
    play($server, 1 => 1, 2 => 1);
    ok $server->wait_for_log(qr/is not delivered: the statement for the song "1" failed .*"songs" does not exist/),
        'a table that is gone is no fault of a song';
    my $failures = failures($server);
    Playcount::Server::wait_until('three attempts', sub { failures($server) > $failures + 3 });
    is_deeply refused($sql), {}, 'nothing is kept aside for that';
    $sql->('ALTER TABLE away RENAME TO songs');
    is settle($songs, { 1 => 3, 2 => 3000000003, 3 => 2 })->{1}, 3, 'all is delivered after it';
}

# --- PostgreSQL, the default table
{
    my $postgres = Playcount::Postgres->new;
    my $sql = sub { $postgres->query($_[0]) };
    my $server = server($postgres->dbd);
    my $counts = sub { $postgres->counts };
    $sql->("INSERT INTO playcount VALUES ('x', $BIGGEST), ('y', $BIGGEST - 1)");
    play($server, x => 1, y => 5, z => 1);
    my $wanted = { x => $BIGGEST, y => $BIGGEST, z => 1 };
    is_deeply settle($counts, $wanted), $wanted, 'sums stop at the highest number';
    unlike $server->error_log, qr/not delivered|refused/, 'which is no failure';

    # Checked not before the commit, and yet the fault of one song.
    $sql->("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''not this one''; END';
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON playcount
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.song = 's77')
            EXECUTE FUNCTION refuse()");
    play($server, map { ("s$_" => 1) } 1 .. 200);
    $wanted->{"s$_"} = 1 for grep { $_ != 77 } 1 .. 200;
    settled('one of 200', $sql, $counts, $wanted, { s77 => 1 });

    # Without the table, nothing is lost, and the log says what to do.
    $sql->('DROP TABLE playcount_refused');
    play($server, s77 => 1, a => 1);
    ok $server->wait_for_log(qr/is not delivered: adding to the table playcount failed .*cannot be kept aside, so that all others wait for it: .*make the table playcount_refused/),
        'no table playcount_refused: the log says what to do';
    $sql->($Playcount::Postgres::REFUSED);
    $wanted->{a} = 1;
    settled('as soon as the table is there', $sql, $counts, $wanted, { s77 => 1 });
}

# --- PostgreSQL, another encoding
{
    my $postgres = Playcount::Postgres->new(encoding => 'EUC_JP');
    my $sql = sub { $postgres->query("SET client_encoding = 'UTF8'; $_[0]") };
    my $server = server($postgres->dbd);
    my $counts = sub { return { map { split /\|/ } split /\n/,
        $sql->('SELECT * FROM playcount') } };
    my ($euro, $kanji) = ("\xe2\x82\xac", "\xe6\xad\x8c");
    play($server, $euro => 2, $kanji => 3, a => 1);
    settled('a character that the database does not know', $sql, $counts,
        { $kanji => 3, a => 1 }, { '%E2%82%AC' => 2 });
}

# --- PostgreSQL without the lock by which servers take turns
{
    my $postgres = Playcount::Postgres->new;
    $postgres->query("REVOKE EXECUTE ON FUNCTION pg_advisory_xact_lock(bigint) FROM PUBLIC;
        CREATE ROLE weak LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO weak");
    (my $config = $postgres->dbd) =~ s/user=playcount/user=weak/;
    my $server = server($config);
    play($server, a => 1);
    is_deeply settle(sub { $postgres->counts }, { a => 1 }), { a => 1 },
        'without advisory locks: delivered';
    unlike $server->error_log, qr/not delivered/, 'at the first attempt';
    play($server, a => 1);
    is_deeply settle(sub { $postgres->counts }, { a => 2 }), { a => 2 }, 'and again';
}

# --- SQLite
{
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    my $sql = sub { sqlite_refused($file, $_[0]) };
    sqlite_make($file, "CREATE TABLE songs (id TEXT PRIMARY KEY,
        play_count INTEGER CHECK (play_count < 10));
        INSERT INTO songs VALUES ('a', 0), ('b', 0)");
    # Statements and connections that outlive a delivery.
    my $server = server(sqlite_dbd($file) . "DBDPersist On\n", statement =>
        'UPDATE songs SET play_count = play_count + %lld WHERE id = %s');
    my $songs = sub { sqlite_counts($file, 'songs') };
    play($server, a => 20, b => 2, other => 1);
    settled('SQLite', $sql, $songs, { a => 0, b => 2 }, { a => 20 });
    is_deeply sqlite_counts($file), { other => 1 },
        'SQLite: what the statement does not find is in playcount';
    $sql->('UPDATE playcount_refused SET plays = 7, retry = 1');
    settled('SQLite, tried again', $sql, $songs, { a => 7, b => 2 }, {});
}
{
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    my $server = server(sqlite_dbd($file));
    play($server, x => 1);
    settle(sub { sqlite_counts($file) }, { x => 1 });
    sqlite($file, "UPDATE playcount SET plays = $BIGGEST - 1");
    play($server, x => 5, y => 1);
    is_deeply settle(sub { sqlite_counts($file) }, { x => $BIGGEST, y => 1 }),
        { x => $BIGGEST, y => 1 }, 'SQLite: sums stop at the highest number';
    is sqlite($file, "SELECT typeof(plays) FROM playcount WHERE song = 'x'"), "integer\n",
        'and stay integers';
}
done_testing;
