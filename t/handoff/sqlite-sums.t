# With a statement of one's own, sums in SQLite stop at the highest number, as they do in the
# zone: they never become floating-point numbers, which further plays would not change.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $MOST = '9223372036854775807';

sub rows { return { map { my ($song, @rest) = split /\|/; ($song => "@rest") } split /\n/, sqlite(@_) } }

for my $persist (qw(Off On)) {
    for my $case (
        ['UPDATE', 'id INTEGER PRIMARY KEY, plays INTEGER NOT NULL, rating REAL', '',
            'UPDATE songs SET plays = plays + %lld, rating = rating * 2 WHERE id = %s'],
        ['a key of text', 'id TEXT PRIMARY KEY, plays BIGINT, rating REAL', 'WITHOUT ROWID',
            'UPDATE songs SET plays = plays + %lld, rating = rating * 2 WHERE id = %s'],
        ['no key', 'id, "the plays" int, rating REAL', '',
            "UPDATE songs SET [the plays] = [the plays] + %lld, rating = rating * 2 WHERE id = %s || ''"],
        ['an upsert', 'id TEXT, part INTEGER, plays INTEGER, rating REAL, PRIMARY KEY (id, part)', '',
            'INSERT INTO songs (plays, id, part, rating) VALUES (%lld, %s, 1, 1.5) ON CONFLICT (id, part) '
            . 'DO UPDATE SET plays = plays + excluded.plays, rating = rating * 2'],
        ['a trigger of the database', 'id INTEGER PRIMARY KEY, plays INTEGER, rating REAL', '',
            'UPDATE songs SET plays = plays + %lld, rating = rating * 2 WHERE id = %s',
            'CREATE TABLE other (n INTEGER); CREATE TRIGGER own AFTER UPDATE ON songs BEGIN '
            . 'INSERT INTO other VALUES (1); END'],
    ) {
        my ($name, $columns, $behind, $statement, $more) = @$case;
        $name .= ", DBDPersist $persist";
        my $dir = database_directory();
        my $file = "$dir/plays.db";
        my $part = $columns =~ /part/;
        sqlite_make($file, "CREATE TABLE songs ($columns) $behind; "
            . ($more ? "$more; " : '')
            . join '', map { my ($id, $plays) = @$_;
                'INSERT INTO songs VALUES (' . ($columns =~ /id TEXT/ || $columns =~ /^id,/ ? "'$id'" : $id)
                . ($part ? ', 1' : '') . ", $plays, 1e300); " }
                [1, '9223372036854775800'], [2, 5], [3, $MOST]);
        my $server = Playcount::Server->new(
            zone_file => 1, songs => 100, modules => ['dbd'],
            config => sqlite_dbd($file) =~ s/Persist Off/Persist $persist/r
                . "DBDPrepareSQL \"$statement\" count_plays\n"
                . 'PlaycountHandoff dbd statement=count_plays interval=1');
        my $column = $columns =~ /"the plays"/ ? '"the plays"' : 'plays';
        my $found = sub { rows($file, "SELECT id, $column, typeof($column) FROM songs") };
        my $wait = sub {
            my (%wanted) = @_;
            my $got;
            eval { Playcount::Server::wait_until('the sums', sub {
                $got = $found->();
                return !grep { ($got->{$_} // '') ne "$wanted{$_} integer" } keys %wanted;
            }) };
            is_deeply $got, { map { ($_ => "$wanted{$_} integer") } keys %wanted }, "$name: @_";
        };
        $server->post('/song/1?by=5');
        $server->post('/song/2?by=5');
        $wait->(1 => '9223372036854775805', 2 => 10, 3 => $MOST);
        $server->post('/song/1?by=1000');
        $server->post('/song/2');
        $server->post('/song/3');
        $wait->(1 => $MOST, 2 => 11, 3 => $MOST);
        $server->post("/song/$_") for 1 .. 3;
        $wait->(1 => $MOST, 2 => 12, 3 => $MOST);
        # Columns that are no integers are none of this.
        is sqlite($file, 'SELECT DISTINCT typeof(rating) FROM songs'), "real\n", "$name: other columns stay";
        is_deeply sqlite_counts($file), {}, "$name: nothing went into the default table";
        is sqlite_refused($file, 'SELECT count(*) FROM playcount_refused'), "0\n", "$name: nor aside";
        is sqlite($file, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name <> 'own'"), "0\n",
            "$name: nothing is left in the database";
        unlike $server->error_log, qr/not delivered/, "$name: at the first attempt";
    }
}

# Another table under the same name, while the connection stays.
{
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    sqlite_make($file, "CREATE TABLE songs (id INTEGER PRIMARY KEY, plays INTEGER); INSERT INTO songs VALUES (1, $MOST)");
    my $server = Playcount::Server->new(
        zone_file => 1, songs => 100, modules => ['dbd'],
        config => sqlite_dbd($file) =~ s/Persist Off/Persist On/r
            . "DBDPrepareSQL \"UPDATE songs SET plays = plays + %lld WHERE id = %s\" count_plays\n"
            . 'PlaycountHandoff dbd statement=count_plays interval=1');
    my $settled = sub {
        my ($wanted) = @_;
        my $got = '';
        eval { Playcount::Server::wait_until('it', sub {
            $got = sqlite($file, 'SELECT id, plays FROM songs')
                . join '', map { "$_->[0]|$_->[1]\n" } map { [%$_] } grep { %$_ } sqlite_counts($file);
            return $got eq $wanted;
        }) };
        is $got, $wanted, "now $wanted";
    };
    $server->post('/song/1?by=7');
    $server->post('/song/9');
    $settled->("1|$MOST\n9|1\n");
    sqlite($file, "BEGIN; DROP TABLE songs; CREATE TABLE songs (id TEXT PRIMARY KEY, more INT, plays INT) WITHOUT ROWID; "
        . "INSERT INTO songs VALUES ('1', 0, $MOST); COMMIT");
    $server->post('/song/1?by=7');
    $server->post('/song/9');
    eval { Playcount::Server::wait_until('it', sub { sqlite($file, 'SELECT song, plays FROM playcount') eq "9|2\n" }) };
    is sqlite($file, 'SELECT id, more, plays, typeof(plays) FROM songs'), "1|0|$MOST|integer\n",
        'a table that was made again';
}
done_testing;
