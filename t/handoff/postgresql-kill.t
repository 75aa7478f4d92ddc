# Delivery into PostgreSQL, with everything killed at random under load: the server,
# the database in the middle of transactions, the connection between a commit and
# its answer. In the end the database has every acknowledged play, once.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Postgres;
use Playcount::Server;

my $rounds = rounds(4);

sub trial
{
    my ($what, $config, $postgres, $kill, %option) = @_;
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 1000, modules => ['dbd'],
        config => "$config\nPlaycountHandoff dbd interval=1");
    my $load = Playcount::Load->start($server, songs => 400);

    for my $round (1 .. $rounds) {
        nap(0.1, 1.3);
        $kill->($server);
    }
    my $played = $load->stop;
    my $zone = listing($server);
    my $database = settle(sub { $postgres->counts }, $zone);

    cmp_ok total($played->{acked}), '>', 0, "$what: plays were acknowledged";
    bounds_ok($zone, $played, "$what, $rounds times: the zone has each once");
    counts_ok($database, $zone, "$what: and so has the database");
    unlike $server->error_log, qr/exit signal/, "$what: no process died by itself";
}

{
    my $postgres = Playcount::Postgres->new;
    trial('server killed', $postgres->dbd, $postgres, sub {
        my ($server) = @_;
        $server->kill9_all;
        $server->start;
    });
}
{
    my $postgres = Playcount::Postgres->new;
    # A transaction takes its time, so that there is a middle to be killed in.
    $postgres->query(<<'EOF');
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON playcount FOR EACH ROW EXECUTE FUNCTION slow();
EOF
    my $middle = 0;
    trial('database killed', $postgres->dbd, $postgres, sub {
        my ($server) = @_;
        Playcount::Server::wait_until('a transaction', sub {
            $postgres->query("SELECT count(*) FROM pg_stat_activity
                WHERE query LIKE 'INSERT INTO playcount %' AND state = 'active'") > 0;
        });
        $middle++;
        $postgres->kill9;
        $postgres->start;
        # The pauses grow until something arrives.
        my $last = $postgres->query('SELECT max(batch) FROM playcount_handoff');
        Playcount::Server::wait_until('a delivery', sub {
            $postgres->query('SELECT max(batch) FROM playcount_handoff') ne $last;
        });
    });
    is $middle, $rounds, 'each time in the middle of a transaction';
}
{
    my $postgres = Playcount::Postgres->new;
    trial('connection cut after the commit', $postgres->dbd_cut, $postgres, sub {
        my ($server) = @_;
        $postgres->cut_next(1);
        Playcount::Server::wait_until('a cut', sub { !$postgres->cuts_left });
    });
}
done_testing;
