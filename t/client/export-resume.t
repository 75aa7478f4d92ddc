# An export that was interrupted is resumed: in the end each song is there once.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Time::HiRes qw(sleep);
use Playcount::Command qw(playcount start_program wait_program ended kill_until);
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $songs = 300_000;
my @options = (songs => '400k', zone_file => 1);
my ($server, $second) = map { Playcount::Server->new(@options) } 1 .. 2;
my $file = "$dir/counts";
my $run;

sub summary { return qq({"songs":$_[0],"plays":$_[1],"carried_on":$_[2]}\n) }
sub slurp { return Playcount::Command::slurp($_[0]) }
sub files { opendir my $d, $dir or die; return sort grep { /^counts/ } readdir $d }
sub nothing_else { is_deeply [files()], ['counts'], 'nothing else is left' }
sub sum_of { my $sum = 0; $sum += $_ % 7 + 1 for 1 .. $_[0]; return $sum }
sub listing { return playcount('-s', $_[0], 'list')->{out} }

# Play so many songs with this prefix.
sub fill
{
    my ($to, $prefix, $n) = @_;
    for (my $first = 1; $first <= $n; $first += 50_000) {
        my $last = $first + 49_999 < $n ? $first + 49_999 : $n;
        my $answer = $to->post('/songs', headers => { 'Content-Type' => 'text/plain' },
            content => join ',', map { "$prefix$_=" . ($_ % 7 + 1) } $first .. $last);
        $answer->{status} == 200 or die "$answer->{status} $answer->{content}";
    }
}

# In front of a server: it gives so many answers, for each token in a file one, and
# then says nothing more.
my $tokens = "$dir/tokens";
sub allow { Playcount::Server::spew($tokens, 'x' x $_[0]) }
sub gate
{
    my ($to) = @_;
    return Playcount::Misbehaving->new(sub {
        my ($socket) = @_;
        while (my $request = request($socket)) {
            my $left = length slurp($tokens);
            if (!$left) {
                Playcount::Server::spew("$dir/waiting", '');
                sleep 1000;
            }
            allow($left - 1);
            my $answer = forward($request, $to->port) or return;
            $answer =~ s/^Connection: close\r\n//m;
            print {$socket} $answer;
        }
    });
}

# Start an export and kill it when it waits for the answer after those allowed.
sub export_and_kill
{
    my ($signal, $answers, @servers) = @_;
    unlink "$dir/waiting";
    allow($answers);
    my $started = start_program('client/playcount', @servers, '--timeout=3600', 'export', $file);
    Playcount::Server::wait_until('the pages', sub { -e "$dir/waiting" });
    my $other = playcount(@servers, 'export', $file);
    is $other->{status}, 6, 'a second export to the same file is refused';
    like $other->{err}, qr/another export to this file is in progress/, 'and says why';
    kill $signal, $started->{pid};
    return wait_program($started);
}

fill($server, 'song-number-', $songs);
my $whole = listing($server->url);
is scalar(() = $whole =~ /\n/g), $songs, "$songs songs";

# Killed again and again, at any moment.
my $slow = Playcount::Misbehaving->new(sub {
    my ($socket) = @_;
    while (my $request = request($socket)) {
        sleep 0.03;
        my $answer = forward($request, $server->port) or return;
        $answer =~ s/^Connection: close\r\n//m;
        print {$socket} $answer;
    }
});
(my $killed, $run) = kill_until(sub { -e $file }, "$file.playcount-export-state",
    '-s', $slow->url, 'export', $file);
cmp_ok $killed, '>', 0, "killed $killed times in the middle";
if (!-e $file) {
    $run = playcount('-s', $slow->url, 'export', $file);
    is $run->{status}, 0, 'and carried on to the end' or diag $run->{err};
}
ok slurp($file) eq $whole, 'the file is the listing, each song once';
$run = playcount('-s', $slow->url, 'export', $file);
is $run->{out}, sum_of($songs) . " plays of $songs songs were written\n", 'and whatever was left over, the next one is right'
    or diag $run->{err};
ok slurp($file) eq $whole, 'it is the listing';
nothing_else();
unlink $file;

# Between two pages; plays and new songs meanwhile.
my $gate = gate($server);
my @gate = ('-s', $gate->url);
for my $signal ('INT', 'KILL') {
    $run = export_and_kill($signal, 3, @gate);
    is $run->{status}, $signal eq 'INT' ? 130 : 137, "SIG$signal ends it";
    like $run->{err}, qr/stopped after \d+ songs; run the same command again to resume it/, 'it says how to go on'
        if $signal eq 'INT';
    ok !-e $file, 'no file yet';
}
my $first = () = slurp("$file.playcount-export") =~ /\n/g;
is $first, 6 * 32768, 'six pages are there';
$server->post('/song/song-number-1?by=10');
$server->post("/song/song-number-$songs?by=10");
$server->post('/song/late');
allow(1000);
$run = playcount(@gate, '--json', 'export', $file);
is $run->{out}, summary(300_001, sum_of($songs) + 11, 'true'), 'carried on' or diag $run->{err};
my $now = listing($server->url);
(my $expected = $now) =~ s/^song-number-1=12$/song-number-1=2/m;
ok slurp($file) eq $expected, 'each song once, with its count when its page was written, and the new song';
nothing_else();

# What follows the last whole page is thrown away.
export_and_kill('KILL', 2, @gate);
open my $more, '>>', "$file.playcount-export" or die;
print {$more} 'song-number-65537=1' . "\n" . 'half of a li';
close $more;
allow(1000);
$run = playcount(@gate, 'export', $file);
ok slurp($file) eq $now, 'half a page is thrown away';
nothing_else();

# Killed while a state was written: what was written of it goes, too.
export_and_kill('KILL', 2, @gate);
Playcount::Server::spew("$file.playcount-export-state.new", 'playcount exp');
allow(1000);
$run = playcount(@gate, 'export', $file);
ok slurp($file) eq $now, 'half a state beside the whole one';
nothing_else();

# Killed after the file has its name and before the state is gone; and the other way.
export_and_kill('KILL', 2, @gate);
rename "$file.playcount-export", $file or die;
allow(1000);
$run = playcount(@gate, '--json', 'export', $file);
like $run->{out}, qr/"carried_on":false/, 'a state without its file is nothing to resume';
ok slurp($file) eq $now, 'the listing is whole';
nothing_else();
export_and_kill('KILL', 2, @gate);
unlink "$file.playcount-export-state" or die;
allow(1000);
$run = playcount(@gate, '--json', 'export', $file);
like $run->{out}, qr/"carried_on":false/, 'nor is a file without its state';
ok slurp($file) eq $now, 'the listing is whole';
nothing_else();

# Not with other servers, and not with what is damaged.
Playcount::Server::spew($file, 'as it was');
export_and_kill('KILL', 2, @gate);
my ($part, $state) = map { slurp("$file.playcount-$_") } qw(export export-state);
for my $other (['-s', $server->url], [@gate, '--shard=modulo'], [@gate, '-s', $server->url]) {
    $run = playcount(@$other, 'export', $file);
    is $run->{status}, 2, "other servers than before are refused: @$other";
    like $run->{err}, qr/used other servers/, 'it says so';
}
sub refused
{
    my ($what, $new_part, $new_state) = @_;
    Playcount::Server::spew("$file.playcount-export", $new_part);
    Playcount::Server::spew("$file.playcount-export-state", $new_state);
    my $r = playcount(@gate, 'export', $file);
    is $r->{status}, 6, "$what: refused";
    like $r->{err}, qr/remove it to start over/, 'it says what to do';
    ok slurp("$file.playcount-export") eq $new_part, 'what was there is as it was';
}
refused('a state of rubbish', $part, "rubbish\n");
refused('an empty state', $part, '');
refused('half a state', $part, substr $state, 0, 70);
refused('a state of another version', $part, $state =~ s/export 1/export 2/r);
refused('a server that is not there', $part, $state =~ s/^part 0/part 1/mr);
refused('a part that begins behind its end', $part, $state =~ s/^part 0 0/part 0 99999999/mr);
refused('a part that begins in the middle of a song', $part, $state =~ s/^part 0 0/part 0 5/mr);
refused('an end in the middle of a song', $part, $state =~ s/^noted \d+/noted 9/mr);
refused('a file that is shorter', substr($part, 0, -1), $state);
refused('a file that is longer before its end', "x=1\n$part", $state);
refused('another count', $part =~ s/=3\n/=4\n/r, $state);
is slurp($file), 'as it was', 'the file is as it was';
unlink "$file.playcount-export";
allow(1000);
$run = playcount(@gate, 'export', $file);
is $run->{status}, 0, 'without it, it starts over' or diag $run->{err};
ok slurp($file) eq $now, 'the listing is whole';
nothing_else();

# A graceful restart changes nothing; a start does: the file of the zone may be an
# older one then, with the songs in another order.
export_and_kill('KILL', 2, @gate);
$server->graceful;
allow(1000);
$run = playcount(@gate, '--json', 'export', $file);
like $run->{out}, qr/"carried_on":true/, 'a graceful restart in between';
is $run->{err}, '', 'is no matter';
ok slurp($file) eq $now, 'the listing is whole';
export_and_kill('KILL', 2, @gate);
$server->kill9_all;
allow(1000);
$run = playcount(@gate, '--retries=0', '--timeout=1', 'export', $file);
is $run->{status}, 3, 'no server: exit status 3';
like $run->{err}, qr/stopped after 65536 songs; run the same command again to resume it/, 'it says how to go on';
$server->start;
$run = playcount(@gate, '--json', 'export', $file);
is $run->{out}, summary(300_001, sum_of($songs) + 21, 'false'), 'a start in between';
like $run->{err}, qr/^playcount: \S+ was cleared or restarted .* starts over\n\z/, 'it starts over';
ok slurp($file) eq $now, 'the listing is whole';
nothing_else();

# Answers that break off: two of three.
my $cuts = Playcount::Misbehaving->new(sub {
    my ($socket, $n) = @_;
    my $request = request($socket) or return;
    my $answer = forward($request, $server->port);
    print {$socket} $n % 3 ? substr($answer, 0, 1000 + rand(length($answer) - 1000)) : $answer;
});
$run = playcount('-s', $cuts->url, 'export', $file);
is $run->{status}, 0, 'answers that break off' or diag $run->{err};
ok slurp($file) eq $now, 'each song once';
Playcount::Server::wait_until('the end', sub {
    $run = playcount('-s', $cuts->url, '--retries=0', 'export', $file);
    return $run->{status} != 3;
});
is $run->{status}, 0, 'without retries the same command goes on' or diag $run->{err};
ok slurp($file) eq $now, 'each song once';
nothing_else();

# Several servers; the second one is cleared in between.
fill($second, 'second-', 100_000);
my $gate2 = gate($second);
my @both = (@gate, '-s', $gate2->url);
$run = export_and_kill('KILL', 13, @both);
my $pages = () = slurp("$file.playcount-export") =~ /\n/g;
is $pages, 300_001 + 2 * 32768, 'the first server and two pages of the second';
allow(1000);
$run = playcount(@both, '--json', 'export', $file);
is $run->{out}, summary(400_001, sum_of($songs) + 21 + sum_of(100_000), 'true'), 'carried on at the second' or diag $run->{err};
my $then = $now . listing($second->url);
ok slurp($file) eq $then, 'one listing after the other';
export_and_kill('KILL', 13, @both);
$second->delete('/');
fill($second, 'again-', 50_000);
allow(1000);
$run = playcount(@both, '--json', 'export', $file);
is $run->{out}, summary(350_001, sum_of($songs) + 21 + sum_of(50_000), 'true'), 'the second was cleared';
is $run->{err}, 'playcount: ' . $gate2->url . ": was cleared or restarted in the meantime, so its listing starts over\n",
    'it says so';
ok slurp($file) eq $now . listing($second->url), 'its new songs, and none of the old ones';
nothing_else();

# Cleared while it is exported.
export_and_kill('KILL', 2, @gate);
$server->delete('/');
fill($server, 'new-', 40_000);
allow(1000);
$run = playcount(@gate, '--json', 'export', $file);
is $run->{out}, summary(40_000, sum_of(40_000), 'false'), 'a clear in between';
like $run->{err}, qr/starts over/, 'it starts over';
ok slurp($file) eq listing($server->url), 'it is the new listing';

# A clear cuts a page short, even the last one: what the next answer is of tells.
my @answers = (['1-1', 'a=1,b=2'], ['1-2', ''], ['1-2', 'c=1,a=5'], ['1-2', '']);
my $cleared = Playcount::Misbehaving->new(sub {
    my ($socket, $n) = @_;
    request($socket) or return;
    my $answer = $answers[$n - 1] or return;
    print {$socket} answer($n == 2 ? 400 : 200, $answer->[1], "Playcount-Mapping: $answer->[0]");
});
$run = playcount('-s', $cleared->url, 'export', $file);
is $run->{status}, 0, 'a clear while the last page is written' or diag $run->{err};
is slurp($file), "c=1\na=5\n", 'the songs after it';
like(($cleared->requests)[1]{line}, qr{^GET /songs\?limit=1&after=b HTTP}, 'the mapping is asked for once more');
my $many = Playcount::Misbehaving->new(sub {
    my ($socket, $n) = @_;
    request($socket) or return;
    print {$socket} answer(200, 'a=1', "Playcount-Mapping: $n");
});
$run = playcount('-s', $many->url, 'export', $file);
is $run->{status}, 4, 'a mapping that is always another one: exit status 4';
like $run->{err}, qr/several servers behind one address\?/, 'it says what that may be';
is slurp($file), "c=1\na=5\n", 'the file is as it was';
unlink map { "$file.playcount-$_" } qw(export export-state);

# Ids that a query cannot have as they are.
my @odd = ('a,b=c%d e', '/x//y', "\xc3\xa9", '..', '+', '&x', '#', '?', 'x;y', '"');
for my $odd (@odd) {
    $server->delete('/');
    playcount('-s', $server->url, 'play', '--', $odd);
    $run = playcount('-s', $server->url, 'export', $file);
    is $run->{status}, 0, "a page that ends with '$odd'" or diag $run->{err};
    is slurp($file), listing($server->url), 'what follows it is asked for';
}

done_testing;
