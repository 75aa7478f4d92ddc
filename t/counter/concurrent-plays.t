# The answers to concurrent plays of one song are different numbers without a
# gap, under each MPM.
use strict;
use warnings;
use Test::More;
use Playcount::Players;
use Playcount::Server;

for my $mpm (qw(event worker prefork)) {
    # Threads to spare: httpd closes kept connections when none is free.
    my $server = Playcount::Server->new(mpm => $mpm, songs => '1k', threads => 25);
    my $load = Playcount::Players->start($server->port, clients => 6, songs => 3, plays => 500);
    my $result = $load->finish;

    is_deeply $result->{other}, [], "$mpm: every play is answered";
    is $result->{broken}, 0, "$mpm: on its connection";
    my $sum = 0;
    for my $id (sort keys %{ $result->{sent} }) {
        my $plays = $result->{sent}{$id};
        my @answers = sort { $a <=> $b } @{ $result->{answers}{$id} };
        is_deeply \@answers, [1 .. $plays], "$mpm: $id is answered 1 to $plays, each once";
        is $server->get('/song/' . $id =~ s/ /%20/r)->{content}, $plays, "$mpm: and has so many plays";
        $sum += $plays;
    }
    is $sum, 3000, "$mpm: all of them";

    # New songs, by many at the same time, single and in batches.
    $server->delete('/');
    $result = Playcount::Players->start($server->port, clients => 6, songs => 500, plays => 200,
        requests => 'mixed')->finish;
    my $listing = $server->get('/')->{content};
    my %count = $listing =~ /([^,=]+)=(\d+)/g;
    is_deeply \%count, $result->{acked}, "$mpm: first plays by many have all counted";
    is scalar(() = $listing =~ /=/g), scalar(keys %count), "$mpm: each song is there once";
    is_deeply $result->{acked}, $result->{sent}, "$mpm: every play is acknowledged";
}

done_testing;
