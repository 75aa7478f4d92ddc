# The database is away, slow, read-only, full, without its tables, or refuses one
# song: requests notice nothing, the batch waits, the log says so once, and in the
# end all of it is there.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Postgres;
use Playcount::Server;

my $FAILED = qr/is not delivered: .*/;

sub server
{
    my ($config, %option) = @_;
    return Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => "$config\nPlaycountHandoff dbd interval=1 "
            . ($option{statement} ? "statement=$option{statement}" : ''));
}

sub play
{
    my ($server, $song, $n) = @_;
    $server->hang_up; # the server closes what has been idle for long
    my $answer = $server->post("/song/$song?by=$n");
    die "POST: $answer->{status} $answer->{content}" unless $answer->{status} == 200;
}

sub refusals { my ($server) = @_; return $server->error_log =~ /($FAILED)/g }

# Plays that meet trouble, which is then put right.
sub meets
{
    my ($server, $trouble, $why, $mend, $counts) = @_;
    my $before = () = refusals($server);
    my $metrics = failures($server);
    play($server, 'a', 1);
    # One failure more than lines in the log: so not each failure is logged.
    my @said;
    Playcount::Server::wait_until("trouble: $trouble", sub {
        @said = refusals($server);
        @said = @said[$before .. $#said];
        return @said && $said[-1] =~ $why && failures($server) > $metrics + @said });
    my %times;
    $times{$_}++ for @said;
    is_deeply [grep { $_ > 1 } values %times], [], "$trouble: said once" or diag @said;
    like $said[-1], $why, "$trouble: and what it is";
    play($server, 'b', 2);
    ok $server->get('/handoff')->{status} == 200, "$trouble: requests go on, the batch waits";
    my $again = () = $server->error_log =~ /is delivered again/g;
    $mend->();
    my $zone = listing($server);
    counts_ok(settle($counts, $zone), $zone, "$trouble: delivered when it is mended");
    Playcount::Server::wait_until('that to be said', sub {
        (() = $server->error_log =~ /is delivered again/g) == $again + 1 });
    pass "$trouble: which is said, too";
    unlike $server->error_log, qr/exit signal/, "$trouble: no process died of it";
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

my $METRICS = "<Location /metrics>\nSetHandler playcount-metrics\n</Location>\n";

{
    my $postgres = Playcount::Postgres->new(tables => 0);
    my $server = server($METRICS . $postgres->dbd);
    my $counts = sub { $postgres->counts };
    meets($server, 'tables missing', qr/reading the table playcount_handoff failed .*does not exist/,
        sub { $postgres->query($Playcount::Postgres::TABLES) }, $counts);

    $postgres->query('ALTER ROLE playcount SET default_transaction_read_only = on');
    $postgres->kill9;
    $postgres->start;
    meets($server, 'read-only', qr/read-only/,
        sub { $postgres->query('BEGIN; SET TRANSACTION READ WRITE;
                ALTER ROLE playcount RESET default_transaction_read_only; COMMIT');
              # connections that are open stay as they are
              $postgres->kill9; $postgres->start }, $counts);

    $postgres->kill9;
    meets($server, 'away', qr/no connection to the database/,
        sub { $postgres->start }, $counts);

    # Slow: nothing is delivered before the lock goes, and the requests are
    # answered before that.
    open my $session, '|-', $postgres->psql('') or die $!;
    close $session;
    my @psql = $postgres->psql('');
    splice @psql, -2;
    open $session, '|-', @psql or die $!;
    $session->autoflush;
    print {$session} "BEGIN; LOCK TABLE playcount_handoff;\n";
    Playcount::Server::wait_until('the lock', sub {
        $postgres->query("SELECT count(*) FROM pg_locks WHERE granted
            AND mode = 'AccessExclusiveLock' AND relation = 'playcount_handoff'::regclass")
            > 0 });
    play($server, 'c', 1);
    Playcount::Server::wait_until('a delivery that waits', sub {
        $postgres->query('SELECT count(*) FROM pg_locks WHERE NOT granted') > 0 });
    play($server, 'c', 1) for 1 .. 100;
    is $postgres->counts->{c}, undef, 'slow: requests are answered while it waits';
    print {$session} "COMMIT;\n";
    close $session;
    my $zone = listing($server);
    counts_ok(settle($counts, $zone), $zone, 'slow: delivered when it goes on');
}
{
    my $postgres = Playcount::Postgres->new;
    $postgres->query('CREATE TABLE songs (id text PRIMARY KEY,
        play_count bigint CONSTRAINT few CHECK (play_count < 10))');
    $postgres->query("INSERT INTO songs VALUES ('a', 0), ('b', 0), ('x', 0)");
    my $server = server($METRICS . $postgres->dbd
        . 'DBDPrepareSQL "UPDATE songs SET play_count = play_count + %lld '
        . 'WHERE id = %s" count_plays', statement => 'count_plays');
    my $counts = sub { $postgres->counts('songs') };
    my $zone;
    play($server, $_, 1) for 'a', 'b', 'x';
    settle($counts, $zone = listing($server));
    is_deeply $counts->(), $zone, "the user's own statement";

    play($server, 'x', 20);
    meets($server, 'one song refused', qr/the statement for the song "x" failed .*few/,
        sub { $postgres->query('ALTER TABLE songs DROP CONSTRAINT few') }, $counts);

    # A connection that was reopened has lost its prepared statements.
    $postgres->kill9;
    $postgres->start;
    play($server, 'b', 5);
    counts_ok(settle($counts, listing($server)), listing($server),
        'the database restarted: the statement is prepared again');

    play($server, 'unknown', 7);
    my $rest = settle(sub { $postgres->counts }, { unknown => 7 });
    is_deeply $rest, { unknown => 7 },
        'plays of a song that the statement does not find go into the table playcount';
}
{
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    my $server = server($METRICS . sqlite_dbd($file));
    my $counts = sub { sqlite_counts($file) };
    play($server, 'a', 1);
    settle($counts, listing($server));

    chmod 0444, $file;
    meets($server, 'SQLite read-only', qr/readonly/, sub { chmod 0644, $file }, $counts);

    rename "$dir", "$dir.away";
    meets($server, 'SQLite away', qr/no connection to the database/,
        sub { rename "$dir.away", "$dir" }, $counts);

    play($server, "$_" x 200, 1) for 'c' .. 'z';
    my $config = $server->{config};
    settle($counts, listing($server));
    $server->set_config("$config\nDBDInitSQL \"PRAGMA max_page_count=1\"");
    $server->graceful;
    play($server, "$_" x 250, 1) for 'c' .. 'z';
    meets($server, 'SQLite full', qr/full/,
        sub { $server->set_config($config); $server->graceful }, $counts);
}
{
    # Plays that predate the first delivery, to a database that is not there yet.
    my $dir = database_directory();
    my $file = "$dir/later/plays.db";
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'], config => $METRICS);
    play($server, 'a', 1);
    $server->stop;
    $server->set_config($METRICS . sqlite_dbd($file) . "PlaycountHandoff dbd interval=1\n");
    $server->start;
    my $age = sub {
        $server->hang_up;
        $server->get('/metrics')->{content}
            =~ /^playcount_zone_handoff_undelivered_seconds\{[^}]*\} (\d+)/m or die;
        return $1;
    };
    ok Playcount::Server::wait_until('an age', sub { $age->() >= 2 }),
        'never delivered: the metrics tell since when';
    mkdir "$dir/later" or die $!;
    chown scalar(getpwnam 'www-data'), -1, "$dir/later" if $> == 0;
    settle(sub { sqlite_counts($file) }, { a => 1 });
    ok Playcount::Server::wait_until('no age', sub { $age->() == 0 }),
        'delivered: nothing is old any more';
}
for my $persist ('Off', 'On') {
    # SQLite's statements know the tables as they were when the statements were
    # prepared.
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    sqlite_make($file, "CREATE TABLE songs (id TEXT PRIMARY KEY, play_count INTEGER);
        INSERT INTO songs VALUES ('a', 0), ('b', 0)");
    my $server = server(sqlite_dbd($file) . "DBDPersist $persist\n"
        . 'DBDPrepareSQL "UPDATE songs SET play_count = play_count + %lld '
        . 'WHERE id = %s" count_plays', statement => 'count_plays');
    my $counts = sub { sqlite_counts($file, 'songs') };
    play($server, $_, 1) for 'a', 'b';
    is_deeply settle($counts, listing($server)), { a => 1, b => 1 },
        "SQLite, DBDPersist $persist: the user's own statement";
    is_deeply [refusals($server)], [], 'at the first attempt, which also made the tables';
    sqlite($file, 'CREATE INDEX by_count ON songs (play_count)');
    play($server, 'b', 5);
    is_deeply settle($counts, listing($server)), { a => 1, b => 6 },
        "SQLite, DBDPersist $persist: after the tables were changed";
}
done_testing;
