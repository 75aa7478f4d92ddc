# replay --media comes to the counts that the rules of media give, for any order of the
# lines, across rotated files, and however often it is called.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use List::Util qw(shuffle);
use POSIX qw(strftime);
use Playcount::Command qw(playcount kill_until has_said);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '10k', zone_file => 1);
my $url = $server->url;
my $log = "$dir/access.log";
my $state = "$log.playcount-media";
my $monday = 1_795_392_000; # 2026-11-23 00:00:00 UTC
my $player = 'Player/1.0';

# A line as docs/media.md has it.
sub line
{
    my %is = (at => $monday, address => '192.0.2.1', agent => $player, path => '/a.mp3', status => 206,
        verdict => 'open', got => '0-999999', need => 960_000, @_);
    my $time = strftime('%d/%b/%Y:%H:%M:%S +0000', gmtime $is{at});
    $is{song} //= $is{path};
    (my $agent = $is{agent}) =~ s/(["\\])/\\$1/g;
    return qq($is{address} [$time] "GET $is{path} HTTP/1.1" $is{status} 0 "$agent" )
        . qq($is{verdict} $is{got} $is{need} "$is{song}");
}

sub log_is { Playcount::Server::spew($log, join '', map { "$_\n" } @_); unlink $state }
sub counts { my $text = $server->get('/')->{content}; $server->delete('/'); return $text }
sub replay { return playcount('-s', $url, 'replay', '--media', @_) }
sub says
{
    my ($expected, $what, @arguments) = @_;
    my $run = replay($log, @arguments);
    is $run->{status}, 0, "$what: replayed" or diag $run->{err};
    is counts(), $expected, $what;
}

# The rules.
log_is(map { line(verdict => 'probe', got => '0-1') } 1 .. 3);
says('', 'probes are none');
log_is(line(got => '0-499999'), line(got => '400000-899999'), line(got => '900000-959998'));
says('', 'a byte less than a minute');
log_is(line(got => '0-499999'), line(got => '400000-899999'), line(got => '900000-959999'));
says('/a.mp3=1', 'a minute in three parts');
log_is(line(verdict => 'open'), line(verdict => 'played'), line(verdict => 'again'), line(verdict => 'full'));
says('/a.mp3=1', 'the same listener again');
log_is(map { line(verdict => $_) } qw(bot prefetch skipped probe -));
says('', 'what was refused');
log_is(map { line(address => "2001:db8::$_:1") } 1 .. 14);
says('/a.mp3=1', 'fourteen addresses of one /64');
log_is(map { line(agent => qq(Player "$_" \\ x)) } map { $_ % 6 } 1 .. 10);
says('/a.mp3=6', 'ten downloads by six User-Agents of one address');
my $hour = 3600;
my @times = ($monday + 22 * $hour, $monday + 27 * $hour, $monday + 46.25 * $hour, $monday + 71.25 * $hour);
log_is(map { line(at => $_) } @times);
is replay('--dry-run', $log)->{out}, join('', map { "2026-11-$_ /a.mp3=1\n" } 23, 24, 25),
    '22:00 Mon, 03:00 Tue, 22:15 Tue, 23:15 Wed: three days';
is replay('--dry-run', '--window=rolling', $log)->{out}, join('', map { "2026-11-$_ /a.mp3=1\n" } 23, 24, 25),
    'and three windows of 24 hours';
log_is(map { line(at => $_) } @times[0, 1]);
says('/a.mp3=2', 'the first two: two days');
log_is(map { line(at => $_) } @times[0, 1]);
says('/a.mp3=1', 'one window', '--window=rolling');
log_is(map { line(at => $_) } @times[1, 2]);
says('/a.mp3=1', 'the two in the middle: one day');
log_is(map { line(at => $_) } reverse @times[0, 2]);
says('/a.mp3=2', 'two windows, whatever the order', '--window=rolling');
log_is(line(path => '/x', song => 'An "episode", of 100%' =~ s/"/\\"/gr));
says('An "episode"%2C of 100%25=1', 'the song that the module says');
log_is(line(path => '/x/1.mp3?from=here', song => '-'), line(path => '/caf%C3%A9.mp3', song => '-'));
says("/caf\xc3\xa9.mp3=1,/x/1.mp3=1", 'without it the path, without the query');
log_is(line(path => '/x/1.mp3'), line(path => '/x/2.mp3'), line(path => '/y/2.mp3'));
says('1=1,2=1', '--match', '--match=^/x/(\d+)');
log_is(line(address => '198.51.100.7'), line(agent => 'Bot/2'), line());
Playcount::Server::spew("$dir/agents", "Bot/\n");
Playcount::Server::spew("$dir/networks", "198.51.100.0/24\n");
says('/a.mp3=1', 'lists that came later', "--deny-agents=$dir/agents", "--deny-addresses=$dir/networks");

# Without the module's items: what a log can say.
my $combined = '%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"';
sub plain
{
    my %is = (method => 'GET', path => '/a.mp3', status => 200, bytes => 960_000, agent => $player, more => '', @_);
    return qq(192.0.2.1 - - [23/Nov/2026:12:00:00 +0100] "$is{method} $is{path} HTTP/1.1" $is{status} $is{bytes} )
        . qq("-" "$is{agent}"$is{more});
}
my @rate = ('--bitrate=128', "--format=$combined");
log_is(plain());
says('/a.mp3=1', 'without the items: bytes sent', @rate);
log_is(plain(bytes => 959_999), plain(method => 'HEAD'), plain(status => 404), plain(path => '/a.html'), plain(agent => '-'),
    plain(agent => 'Googlebot/2.1'));
says('', 'without the items: method, status, name, User-Agent', @rate);
$rate[1] .= ' "%{Range}i"';
log_is(map { plain(status => 206, bytes => 200_500, more => qq( "bytes=$_-)) =~ s/$/"/r }
    map { $_ * 200_000 } 0 .. 3);
says('', 'four ranges of 200 kB', @rate);
log_is(map { plain(status => 206, bytes => 200_500, more => qq( "bytes=$_-)) =~ s/$/"/r }
    map { $_ * 200_000 } 0 .. 4);
says('/a.mp3=1', 'five are a minute', @rate);
mkdir "$dir/htdocs";
Playcount::Server::spew("$dir/htdocs/a.mp3", 'x' x 5000);
my @root = ("--root=$dir/htdocs", "--format=$combined");
log_is(plain(bytes => 5300), plain(bytes => 5300, path => '/b.mp3'), plain(path => '/../htdocs/a.mp3'));
my $run = replay($log, @root);
like $run->{err}, qr/2 deliveries are of files of which is not known/, 'files that are not there are said';
is counts(), '/a.mp3=1', 'a file that no parser knows is needed whole';
log_is(plain(bytes => 4999));
says('', 'and not less', @root);

# The format of the documents is the one that is read without --format.
my ($documented) = Playcount::Server::slurp('docs/media.md') =~ /LogFormat "(.*)" media$/m;
log_is(line(), line(path => '/b.mp3', address => '2001:db8::1'));
is replay('--dry-run', "--format=$documented", $log)->{out}, replay('--dry-run', $log)->{out},
    'the documented LogFormat';
like Playcount::Server::slurp('client/man/playcount.1') =~ s/\\e/\\/gr =~ s/\\-/-/gr, qr/\QLogFormat "$documented" media\E/,
    'is that of the manual page';

# What cannot be.
for my $case (
    [['--format=%t "%r" "%{User-Agent}i"'], qr/does not have the address/],
    [['--format=%a "%r" "%{User-Agent}i"'], qr/does not have the time/],
    [['--format=%a %t "%r" %O'], qr/does not have the User-Agent/],
    [['--format=%a %t "%r" "%{User-Agent}i" %^Pt'], qr/neither the intervals/],
    [["--format=$combined"], qr/does not have the threshold/],
    [['--format=json'], qr/does not read JSON/],
    [['--bitrate=fast', "--format=$combined"], qr/--bitrate=fast: it must be/],
    [['--bitrate=auto', "--format=$combined"], qr/needs the files/],
    [['--window=week'], qr/--window=week/],
    [['--status=200'], qr/--status and --method are not for --media/],
    [['--match=^/x'], qr/has no group/],
) {
    my ($arguments, $says) = @$case;
    $run = replay($log, @$arguments);
    is $run->{status}, 2, "@$arguments: exit status 2";
    like $run->{err}, $says, 'and says why';
}
is playcount('-s', $url, 'replay', '--dry-run', '--match=(x)', $log)->{status}, 2, 'options of --media without it';
log_is('rubbish', 'more of it');
$run = replay($log);
is $run->{status}, 6, 'a log in another format: exit status 6';
like $run->{err}, qr/no line could be read/, 'is said';

# Where songs are spread by number, others cannot be sent; nothing is left of it.
log_is(line());
$run = playcount('--shard=modulo', '-s', $url, 'replay', '--media', $log);
is $run->{status}, 2, 'a song that is no number, with --shard=modulo';
ok !-e $state, 'is not tried again and again';

# --missing: what the module had no room for.
log_is(line(verdict => 'played'), line(verdict => 'full', address => '192.0.2.2'),
    line(verdict => 'again', address => '192.0.2.3'));
says('/a.mp3=1', '--missing counts what the module has not', '--missing');

# The state: the difference to what was counted is counted.
my @day = map { line(address => "192.0.2.$_") } 1 .. 9;
log_is(@day[0 .. 3]);
is replay($log)->{out}, "4 plays in 4 deliveries and 4 lines, 4 were counted now\n", 'the day so far';
Playcount::Server::spew($log, join '', map { "$_\n" } @day[0 .. 5]);
is replay($log)->{out}, "6 plays in 6 deliveries and 6 lines, 2 were counted now\n", 'later';
rename $log, "$log.1" or die;
Playcount::Server::spew($log, join '', map { "$_\n" } @day[6 .. 8]);
is replay($log)->{out}, "9 plays in 9 deliveries and 9 lines, 3 were counted now\n", 'after a rotation';
is replay($log, "$log.1")->{out}, "9 plays in 15 deliveries and 15 lines, 0 were counted now\n",
    'a file that is named twice is no harm';
is counts(), '/a.mp3=9', 'each play once';
like Playcount::Server::slurp($state), qr/^sent \d+ 9 \/a\.mp3$/m, 'the state has songs and days';
unlike Playcount::Server::slurp($state), qr/192\.0\.2|Player/, 'and no listeners';
is replay($log, '--window=rolling')->{status}, 2, 'other rules need another state';
is replay('--again', $log)->{out}, "9 plays in 9 deliveries and 9 lines, 9 were counted now\n", '--again';
counts();
unlink "$log.1";

# A log of 100,000 requests, checked against sets of listeners and bytes that are computed
# here in another way.
srand 42;
my (@lines, %got);
for my $i (1 .. 100_000) {
    my $song = '/' . int(rand 40) . '.mp3';
    my $address = rand() < 0.5 ? '198.51.100.' . int(rand 100) : sprintf '2001:db8:0:%x::%x', rand 50, rand 65_536;
    my $agent = 'Player/' . int(rand 5);
    my $at = $monday + int(rand 3 * 86_400);
    my $begin = 100 * int(rand 8);
    my $end = $begin + 100 * (1 + int rand 4);
    my $verdict = (qw(open played again full bot probe))[rand 6];
    push @lines, line(at => $at, address => $address, agent => $agent, path => $song, need => 700,
        got => "$begin-" . ($end - 1), verdict => $verdict);
    next if $verdict eq 'bot' || $verdict eq 'probe';
    my $network = $address =~ /^(2001:db8:0:[^:]+)::/ ? $1 : $address;
    my $day = int($at / 86_400);
    vec($got{"$day $song $network $agent"} //= '', $_, 1) = 1 for $begin / 100 .. $end / 100 - 1;
}
my %expected;
for my $listener (keys %got) {
    my ($song) = $listener =~ / (\S+)/;
    $expected{$song}++ if unpack('%32b*', $got{$listener}) >= 7;
}
my $expected = join ',', map { "$_=$expected{$_}" } sort keys %expected;
sub sorted { return join ',', sort split /,/, counts() }
log_is(@lines);
$run = replay($log, '-q');
is sorted(), $expected, '100,000 requests in order' or diag $run->{err};
log_is(shuffle @lines);
replay($log, '-q');
is sorted(), $expected, 'shuffled';
my @mixed = shuffle @lines;
log_is(@mixed[0 .. 29_999]);
Playcount::Server::spew("$log.1", join '', map { "$_\n" } @mixed[30_000 .. 59_999]);
Playcount::Server::spew("$log.2", join '', map { "$_\n" } @mixed[60_000 .. 99_999]);
system('gzip', "$log.2") == 0 or die;
(my $killed, $run) = kill_until(\&has_said, $state, '-s', $url, 'replay', '--media', $log);
is sorted(), $expected, "shuffled, in three files, one of them packed, killed $killed times";
is replay($log)->{err}, '', 'the same command again';
is counts(), '', 'counts nothing';

# The last line may still be written.
unlink glob "$log.*";
Playcount::Server::spew($log, line() . "\n" . line(address => '192.0.2.2'));
$run = replay($log);
like $run->{err}, qr/the last line has no end yet/, 'a line without an end is not read';
is counts(), '/a.mp3=1', 'yet';
$run = playcount({ stdin => line() }, '-s', $url, 'replay', '--media', '-q', '-');
is counts(), '/a.mp3=1', 'but at the end of the standard input';

done_testing;
