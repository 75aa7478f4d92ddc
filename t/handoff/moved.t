# A zone that moves from memory into a file, as docs/handoff.md says: what the consumer has is
# not handed over again, by the server into SQLite or to a consumer over HTTP, whatever is
# cut off; and where plays would be mixed up, nothing counts as handed over.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Playcount::Command qw(playcount kill_until has_said);
use Playcount::Handoff;
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;

my $temp = File::Temp->newdir('playcount-moved-XXXXXX', DIR => '/tmp');
my $METRICS = "<Location /metrics>\nSetHandler playcount-metrics\n</Location>\n";

sub metric
{
    my ($server, $name) = @_;
    $server->hang_up;
    my ($n) = $server->get('/metrics')->{content} =~ /^playcount_zone_handoff_$name\{zone="default"\} (\d+)/m;
    return $n // die "no $name";
}

sub import_into
{
    my ($server, $file, @options) = @_;
    return playcount('-s', $server->url, 'import', '--delivered', @options, $file);
}

# --- the server delivers
{
    my $dir = database_directory();
    my $file = "$dir/plays.db";
    my $dbd = sqlite_dbd($file);
    my $server = Playcount::Server->new(
        songs => 1000, modules => ['dbd'], config => "$METRICS${dbd}PlaycountHandoff dbd interval=1");
    my %plays = map { ("song $_" => $_ % 9 + 1) } 1 .. 300;
    $server->post('/song/' . ($_ =~ s/ /%20/r) . "?by=$plays{$_}") for sort keys %plays;
    $server->post('/song/%C3%A9,=');

    Playcount::Server::wait_until('all of it is delivered', sub {
        metric($server, 'batches_total') && !metric($server, 'open_batches')
            && !metric($server, 'undelivered_seconds') && total(sqlite_counts($file)) == total(\%plays) + 1
    });
    my $before = sqlite_counts($file);
    is playcount('-s', $server->url, 'export', "$temp/counts.txt")->{status}, 0, 'exported';
    my $refused = import_into($server, "$temp/counts.txt");
    is $refused->{status}, 1, 'while the server delivers, an import --delivered is refused';
    like $refused->{err}, qr/409: This zone is delivered by the server itself.*\n.*without its PlaycountHandoff.*nothing was added/,
        'it says what to do';
    is $server->get('/song/song%201')->{content}, $plays{'song 1'}, 'nothing was added';
    ok !-e "$temp/counts.txt.playcount-import", 'or begun';

    $server->stop;
    $server->{zone_file} = $server->root . '/zone';
    $server->set_config("$METRICS$dbd");
    $server->start;
    is $server->get('/')->{content}, '', 'the file is a new zone';
    my $run = import_into($server, "$temp/counts.txt");
    is "$run->{status} $run->{out}", '0 ' . (total(\%plays) + 1) . " plays of 301 songs were added and count as handed over\n",
        'imported' or diag $run->{err};
    $server->stop;
    $server->set_config("$METRICS${dbd}PlaycountHandoff dbd interval=1");
    $server->start;
    $server->post('/song/song%207?by=3');
    $server->post('/song/new');
    $plays{'song 7'} += 3;
    $plays{new} = 1;
    my $wanted = { %$before, 'song 7' => $before->{'song 7'} + 3, new => 1 };
    counts_ok(settle(sub { sqlite_counts($file) }, $wanted), $wanted, 'the database has everything once');
    $server->hang_up;
    is $server->get('/song/song%207')->{content}, $plays{'song 7'}, 'the zone goes on from the old counts';
    is total(sqlite_counts($file)), total(\%plays) + 1, 'the sums are the same';
    $server->kill9_all;
    $server->start;
    $server->post('/song/new');
    $wanted->{new}++;
    counts_ok(settle(sub { sqlite_counts($file) }, $wanted), $wanted, 'and after a kill, too');
    is metric($server, 'failures_total'), 0, 'no delivery failed';
}

# --- a consumer over HTTP
sub take
{
    my ($server) = @_;
    $server->hang_up;
    my $answer = $server->post('/handoff');
    return '' if $answer->{status} == 204;
    die "POST /handoff: $answer->{status}" if $answer->{status} != 200;
    $server->request('DELETE', "/handoff/$answer->{headers}{'playcount-batch'}");
    return $answer->{content};
}
sub fresh { return Playcount::Server->new(songs => '300k', zone_file => 1) }

Playcount::Server::spew("$temp/two", "a=5\nb=7\n");
{
    my $server = fresh();
    is playcount('-s', $server->url, 'import', "$temp/two")->{status}, 0, 'an import as such';
    is take($server), 'a=5,b=7', 'is handed over';

    $server = fresh();
    is import_into($server, "$temp/two", '-q')->{status}, 0, 'one of what was delivered';
    is take($server), '', 'is not';
    $server->post('/song/b');
    $server->post('/song/c');
    is take($server), 'b=1,c=1', 'only what came after it';
    is $server->get('/')->{content}, 'a=5,b=8,c=1', 'and it counts on';
    $server->stop;
    $server->start;
    is take($server), '', 'after a restart, too';

    is import_into($server, "$temp/two")->{out}, "12 plays of 2 songs were added and count as handed over\n",
        'into a zone that has been handed over';
    $server->post('/song/a');
    is take($server), 'a=1', 'it is the same';

    $server->post('/song/a');
    my $run = import_into($server, "$temp/two");
    is $run->{status}, 1, 'a zone with plays to hand over is refused';
    like $run->{err}, qr/has plays that are not handed over \(batch \d+\).*nothing was added/, 'it says why';
    is $server->get('/song/a')->{content}, 12, 'nothing was added';
    is take($server), 'a=1', 'and the batch waits for its consumer';
}

# Somebody plays while it is imported.
{
    my $server = fresh();
    my $proxy = Playcount::Misbehaving->new(sub {
        my ($socket) = @_;
        while (my $request = request($socket)) {
            my $answer = forward($request, $server->port);
            forward({ line => 'POST /song/a HTTP/1.1', head => "Host: t\r\nContent-Length: 0\r\n", body => '' },
                $server->port) if $request->{line} =~ m{^POST /songs};
            print {$socket} $answer;
            return;
        }
    });
    my $run = playcount('-s', $proxy->url, 'import', '--delivered', "$temp/two");
    is $run->{status}, 1, 'a play in the middle: refused';
    like $run->{err}, qr/have 13 plays to hand over, and not the 12 that were imported.*Nothing is marked as handed over/,
        'it says why' or diag $run->{out};
    is take($server), 'a=6,b=7', 'and nothing is lost for the consumer';
    ok !-e "$temp/two.playcount-import", 'the run is over';
}

# Answers are lost: the same command goes on.
{
    my $server = fresh();
    my $lost = 0;
    my $proxy = Playcount::Misbehaving->new(sub {
        my ($socket, $n) = @_;
        while (my $request = request($socket)) {
            my $answer = forward($request, $server->port);
            my ($what) = $request->{line} =~ m{^(\w+ /\w+)};
            my $mark = "$temp/lost-" . ($what =~ s/\W//gr);
            if ($what =~ m{songs|DELETE} && !-e $mark) {
                Playcount::Server::spew($mark, '');
                return;
            }
            print {$socket} $answer;
            return;
        }
    });
    my @import = ('-s', $proxy->url, '--retries=0', 'import', '--delivered', "$temp/two");
    is playcount(@import)->{status}, 3, 'the answer to the batch is lost';
    is playcount(@import)->{status}, 3, 'that to its acknowledgement';
    my $run = playcount(@import);
    is "$run->{status} $run->{out}", "0 12 plays of 2 songs were added and count as handed over\n", 'done'
        or diag $run->{err};
    is $server->get('/')->{content}, 'a=5,b=7', 'counted once';
    $server->post('/song/a');
    is take($server), 'a=1', 'and not handed over';
}

# Killed again and again, on two servers.
{
    my @servers = map { fresh() } 1 .. 2;
    my $songs = 200_000;
    Playcount::Server::spew("$temp/many", join '', map { "song-$_=" . ($_ % 7 + 1) . "\n" } 1 .. $songs);
    my $sum = 0;
    $sum += $_ % 7 + 1 for 1 .. $songs;
    my @import = ((map { ('-s', $_->url) } @servers), 'import', '--delivered', "$temp/many");
    my $state = "$temp/many.playcount-import";
    my ($killed, $run) = kill_until(\&has_said, $state, @import);
    cmp_ok $killed, '>', 0, "killed $killed times in the middle";
    $run = playcount(@import) if -e $state;
    is $run->{out}, "$sum plays of $songs songs were added and count as handed over\n", 'done in the end'
        or diag $run->{err};
    my %count = map { split /=/ } map { split /,/, $_->get('/')->{content} } @servers;
    is scalar(grep { ($count{"song-$_"} // 0) != $_ % 7 + 1 } 1 .. $songs), 0, 'each song is counted once';
    is join('', map { take($_) } @servers), '', 'and nothing is handed over';
}
done_testing;
