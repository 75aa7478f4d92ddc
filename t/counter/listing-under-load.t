# While songs are listed, plays go on: also when the reader of the listing stops
# reading. A listing has each song once, in order, with a count of its time.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Players;
use Playcount::Server;

my $server = Playcount::Server->new(songs => '400k');
my $client = Playcount::Client->new($server->port);
for my $part (0 .. 5) {
    my $batch = join ',', map { "a song with a name of some length $_=1" }
        $part * 50_000 .. $part * 50_000 + 49_999;
    is $client->request('POST', '/songs', content => $batch)->{status}, 200, 'songs';
}

# A client that asks for all and does not read.
my $stuck = Playcount::Client->new($server->port);
$stuck->send(Playcount::Client::bytes('GET', '/'));
ok $stuck->take(1000), 'a reader who stops after the first bytes';

my $load = Playcount::Players->start($server->port, clients => 3, songs => 5000, requests => 'mixed');
for my $round (1 .. 4) {
    my $plays = $load->plays;
    my $listing = $client->request('GET', '/')->{content};
    my @songs = split /,/, $listing;
    my %seen;
    is scalar(grep { !/^(.+)=([1-9]\d*)$/ || $seen{$1}++ } @songs), 0, "listing $round: each song once";
    is join(',', @songs[0 .. 299_999]), join(',', map { "a song with a name of some length $_=1" } 0 .. 299_999),
        'in order' if $round == 1;
    ok $load->wait_for($plays + 20), 'plays go on';
}
my $result = $load->stop;
is_deeply $result->{other}, [], 'every play was answered';
is_deeply [Playcount::Players::wrong_counts($result, { map { /^(song .*)=(\d+)$/ ? ($1, $2) : () }
    split /,/, $client->request('GET', '/')->{content} })], [], 'and counted';
is $client->request('DELETE', '/')->{content}, 'OK', 'clearing does not wait for the reader either';
is $client->request('GET', '/')->{content}, '', 'all is gone';
is $client->request('POST', '/song/1')->{content}, '1', 'and begins anew';

done_testing;
