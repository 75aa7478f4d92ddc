# A song is forgotten also while its plays are to be handed over: the next batch has them, each
# once; a play after that is the first of a new song, whose plays come in the batch after.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $server = Playcount::Server->new(songs => 4, zone_file => 1);
sub status { my ($method, $path) = @_; return $server->request($method, $path)->{status} }
sub acknowledge { return status('DELETE', "/handoff/$_[0]{headers}{'playcount-batch'}") }

$server->post("/song/$_?by=5") for 'a', 'b';
my $batch = $server->post('/handoff');
is $batch->{content}, 'a=5,b=5', 'a batch is open';
is $server->delete('/song/a')->{content}, '5', 'one of its songs is forgotten';
is $server->get('/song/a')->{content}, '0', 'it is gone';
is $server->get('/')->{content}, 'b=5', 'from the listing, too';
is status('DELETE', '/song/a'), 404, 'and not there';
is $server->get('/handoff')->{content}, 'a=5,b=5', 'the batch is as it was';
is $server->post('/song/a?by=2')->{content}, '2', 'played again, it is a new song';
my $answer = $server->delete('/song/a');
is $answer->{status}, 409, 'which cannot be forgotten before the batch is acknowledged';
is $answer->{headers}{'retry-after'}, 5, 'try again';
like $answer->{content}, qr/handed over/, 'the answer says why';
is $server->post('/song/b')->{content}, '6', 'others count on';
is acknowledge($batch), 200, 'it is acknowledged';
is $server->delete('/song/a')->{content}, '2', 'now it can be';
is $server->delete('/song/b')->{content}, '6', 'one that was played since, too';
is $server->post('/song/b')->{content}, '1', 'and begins again';
$batch = $server->post('/handoff');
is join(',', sort split /,/, $batch->{content}), 'a=2,b=1', 'the next batch has the plays since, of songs that are gone';
is acknowledge($batch), 200, 'acknowledged';
is $server->post("/song/$_")->{status}, 200, "a place is free for $_" for 'c', 'd', 'e';
is $server->post('/song/f')->{status}, 507, 'and no more';
is $server->delete('/song/b')->{content}, '1', 'b';
$server->kill9_all;
$server->start;
is join(',', sort split /,/, $server->get('/')->{content}), 'c=1,d=1,e=1', 'after a kill and a restart too';
is $server->post('/song/f')->{status}, 507, 'no place is free before the batch';
$batch = $server->post('/handoff');
is join(',', sort split /,/, $batch->{content}), 'b=1,c=1,d=1,e=1', 'which has its play';
acknowledge($batch);
is $server->post('/song/f')->{status}, 200, 'then it is';

# A song that is played all the time, delivered into SQLite: whenever it is deleted, all its
# plays are in the database, each once.
my $dir = database_directory();
my $file = "$dir/plays.db";
my $dbd = Playcount::Server->new(
    songs => 100, zone_file => 1, modules => ['dbd'],
    config => sqlite_dbd($file) . 'PlaycountHandoff dbd interval=1');
my $pid = Playcount::Process::begin({}, sub {
    my ($n, $refused) = (0, 0);
    until (-e "$dir/enough") {
        $dbd->post('/song/hot')->{status} == 200 ? $n++ : $refused++;
    }
    Playcount::Server::spew("$dir/played", "$n $refused");
});
my ($answered, $deleted, $refused, $kills) = (0, 0, 0, 0);
Playcount::Server::wait_until('a song that is played to be deleted three times', sub {
    my $gone = $dbd->delete('/song/hot');
    if ($gone->{status} == 200) { $answered += $gone->{content}; $deleted++ }
    elsif ($gone->{status} == 409) { $refused++ }
    return $deleted == 3;
});
Playcount::Server::spew("$dir/enough", '');
waitpid $pid, 0;
my ($played, $lost) = split ' ', Playcount::Server::slurp("$dir/played");
is $lost, 0, "all plays were counted; told to wait $refused times";
$dbd->hang_up;
is $answered + $dbd->get('/song/hot')->{content}, $played, 'each play is in an answer, or there still';
my $in = settle(sub { sqlite_counts($file) }, { hot => $played });
is_deeply $in, { hot => $played }, 'and once in the database';
my $full = join ',', map { "s$_=1" } 1 .. 100;
ok Playcount::Server::wait_until('the places', sub {
    $dbd->hang_up;
    $dbd->delete('/song/hot');
    return $dbd->post('/songs', content => $full, headers => { 'Content-Type' => 'text/plain' })->{status} == 200;
}), 'all places are free in the end';

done_testing;
