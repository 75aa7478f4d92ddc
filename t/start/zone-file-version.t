# A zone's file that an older release made is opened, with all that is in it: counts, long
# ids, an open batch, plays that no batch has, answers to keys. The file is one that was left
# by a server of layout version 1 that was killed (t/unit/data/version1.zone.xz).
use strict;
use warnings;
use Test::More;
use Playcount::Server;

(my $data = $INC{'Playcount/Server.pm'}) =~ s{lib/Playcount/Server\.pm$}{unit/data};
my $long = 'long/' . 'x' x 100;
my $batch = join(',', '1=3', map { "$_=$_" } 2 .. 20)
    . ",$long=7,big=9223372036854775000,wide=5000000000000,key=3";
(my $listing = $batch) =~ s/,2=2,/,2=7,/;

for my $songs (100, 1000) {
    my $server = Playcount::Server->new(
        songs => $songs, zone_file => 1, start => 0,
        config => "PlaycountIdempotency 10 864000000\n");
    is system("xz -dc '$data/version1.zone.xz' > " . $server->zone_file), 0, 'the file';
    $server->start;
    is $server->get('/')->{content}, "$listing,late=1", "songs=$songs: the counts";
    my $open = $server->get('/handoff');
    is $open->{headers}{'playcount-batch'}, 1795644586575, 'the open batch';
    is $open->{content}, $batch, 'as it was taken';
    is $server->post('/songs', content => '1=2,key=3',
        headers => { 'Content-Type' => 'text/plain', 'Idempotency-Key' => 'again' })->{content},
        '1=3,key=3', 'a request with a known key is answered, not counted';
    is $server->delete('/handoff/1795644586575')->{content}, 'OK', 'it is acknowledged';
    is $server->post('/handoff')->{content}, '2=5,late=1', 'the next has the plays of after';
    is $server->post('/song/2')->{content}, 8, 'counting goes on';
    $server->kill9_all;
    $server->start;
    is $server->get('/song/2')->{content}, 8, 'in a file of the present version';
}

done_testing;
