# playcount-express --database hands the plays over to a SQLite database, which
# it sets up by itself.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

my $express = Playcount::Express->new;
my $database = $express->temp . '/database/plays.db';
my @start = ('start-server', '--background', '--songs', '1k', '--database', $database);

sub plays
{
    my $output = `sqlite3 -readonly $database 'SELECT song, plays FROM playcount ORDER BY song' 2>/dev/null`;
    return join ',', split /\n/, $output;
}

my ($status, $output) = $express->run(@start);
is $status, 0, 'it starts' or diag $output;
$express->post('/song/1?by=3');
$express->post('/song/2?by=4');
ok Playcount::Server::wait_until('the plays are in the database',
    sub { plays() eq '1|3,2|4' }), 'the plays are in the database';

$express->post('/song/1');
$express->run('stop');
($status, $output) = $express->run(@start);
is $status, 0, 'it starts again';
ok Playcount::Server::wait_until('later plays are added',
    sub { plays() eq '1|4,2|4' }), 'later plays are added, none twice';
$express->run('stop');

($status, $output) = $express->run(@start, '--database', '/proc/plays.db');
isnt $status, 0, 'a database that cannot be written is refused';
like $output, qr{\A.*cannot write /proc/plays\.db.*--database\n\z}, 'in a sentence';

done_testing;
