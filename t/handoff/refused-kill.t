# Songs that the database refuses, under load, while the server and the database are
# killed, and while an operator has them tried again: each play is in the one table or
# in the other, once, and in the end, when nothing is refused any more, where it belongs.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Postgres;
use Playcount::Server;

my $rounds = rounds(4);
my $RETRY = 'UPDATE playcount_refused SET retry = 1';

# The plays of both tables.
sub both
{
    my ($sql) = @_;
    my %counts;
    for (split /\n/, $sql->('SELECT song, plays FROM playcount UNION ALL '
            . 'SELECT song, plays FROM playcount_refused')) {
        my ($song, $plays) = split /\|/;
        $counts{$song} += $plays;
    }
    return \%counts;
}

sub trial
{
    my ($what, $config, $sql, $allow, $kill) = @_;
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => "$config\nPlaycountHandoff dbd interval=1");
    my $load = Playcount::Load->start($server, songs => 100);

    Playcount::Server::wait_until('a song that is refused', sub {
        ($sql->('SELECT count(*) FROM playcount_refused') || 0) > 0 });
    for my $round (1 .. $rounds) {
        nap(0.1, 1.3);
        $kill->($server);
        eval { $sql->($RETRY) };
    }
    my $played = $load->stop;
    my $zone = listing($server);

    cmp_ok total($played->{acked}), '>', 0, "$what: plays were acknowledged";
    bounds_ok($zone, $played, "$what, $rounds times: the zone has each once");
    counts_ok(settle(sub { both($sql) }, $zone), $zone,
        "$what: and so have both tables together");
    # The database may choose an operator as the victim of a deadlock.
    for my $step ($allow, sub { $sql->($RETRY) }) {
        Playcount::Server::wait_until('the operator', sub { eval { $step->(); 1 } });
    }
    counts_ok(settle(sub { return { map { split /\|/ } split /\n/,
        $sql->('SELECT * FROM playcount') } }, $zone), $zone,
        "$what: tried again when nothing is refused, all are where they belong");
    is $sql->('SELECT count(*) FROM playcount_refused'), "0\n", "$what: and nothing is aside";
    unlike $server->error_log, qr/exit signal/, "$what: no process died by itself";
}

{
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    my $sql = sub { sqlite_refused($file, $_[0]) };
    sqlite_make($file, "CREATE TABLE playcount (song TEXT PRIMARY KEY, plays INTEGER NOT NULL);
        CREATE TRIGGER refuse BEFORE INSERT ON playcount WHEN new.song LIKE '%7'
            BEGIN SELECT RAISE(ABORT, 'no sevens'); END");
    trial('server killed, SQLite', sqlite_dbd($file), $sql,
        sub { $sql->('DROP TRIGGER refuse') },
        sub { my ($server) = @_; $server->kill9_all; $server->start });
}
{
    my $postgres = Playcount::Postgres->new;
    my $sql = sub { $postgres->query($_[0]) };
    # Keeping a song aside takes its time, so that there is a middle to be killed in.
    $sql->(<<'EOF');
ALTER TABLE playcount ADD CONSTRAINT refuse CHECK (song NOT LIKE '%7');
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.03); RETURN coalesce(NEW, OLD); END';
CREATE TRIGGER slow BEFORE INSERT OR UPDATE OF plays OR DELETE ON playcount_refused
    FOR EACH ROW EXECUTE FUNCTION slow();
EOF
    my $turn = 0;
    my $middle = sub {
        $sql->(q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active'
            AND query ~ '^(INSERT INTO|UPDATE|DELETE FROM) playcount_refused .*zone'}) > 0;
    };
    my $last = sub { $sql->('SELECT max(batch) FROM playcount_handoff') };
    trial('server or database killed, PostgreSQL', $postgres->dbd, $sql,
        sub { $sql->('ALTER TABLE playcount DROP CONSTRAINT refuse') },
        sub {
            my ($server) = @_;
            Playcount::Server::wait_until('the middle of a transaction', $middle);
            if ($turn++ % 2) {
                $server->kill9_all;
                $server->start;
                return;
            }
            $postgres->kill9;
            $postgres->start;
            # The pauses grow until something arrives.
            my $before = $last->();
            Playcount::Server::wait_until('a delivery', sub { $last->() ne $before });
        });
    is $turn, $rounds, 'each time in the middle of a transaction';
}
done_testing;
