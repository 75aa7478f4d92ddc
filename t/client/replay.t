# replay counts the plays that an access log holds, once.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount kill_until has_said);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '100k', zone_file => 1);
my $url = $server->url;
my $log = "$dir/access.log";
my $match = '--match=^/play/([^?]+)';
my $state = "$log.playcount-replay";

sub common { my ($request, $status) = @_; return qq(127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "$request" $status 5) }
sub log_is { Playcount::Server::spew($log, join '', map { "$_\n" } @_); unlink $state }
sub counts { my $text = $server->get('/')->{content}; $server->delete('/'); return $text }
sub replay { return playcount('-s', $url, 'replay', $log, @_) }

# The formats.
log_is(
    common('GET /play/1 HTTP/1.1', 200),
    common('GET /play/1 HTTP/1.1', 200) . ' "http://example.org/" "Mozilla/5.0 (\"x\")"',
    'example.org:80 ' . common('POST /play/2 HTTP/2.0', 200) . ' "-" "-"',
    common('GET /play/3', 200),
    common('GET /play/1?from=here HTTP/1.1', 206),
    common('GET /play/1 HTTP/1.1', 304),
    common('GET /other/1 HTTP/1.1', 200),
    common('GET /play/1 HTTP/1.1', 404),
    common('GET /play/1 HTTP/1.1', 500),
    common('HEAD /play/1 HTTP/1.1', 200),
    common('GET /play/a%20b%2Cc HTTP/1.1', 200),
    common('GET /play/caf\xc3\xa9 HTTP/1.1', 200),
    common('GET /play/say\"hi\" HTTP/1.1', 200),
);
my $run = replay($match);
is "$run->{status} $run->{out}", "0 9 plays in 13 lines were counted\n", 'common and combined lines'
    or diag $run->{err};
my %count = map { /(.*)=(.*)/ } split /\n/, playcount('-s', $url, 'list')->{out};
is_deeply \%count, { 1 => 4, 2 => 1, 3 => 1, 'a%20b%2Cc' => 1, "caf\xc3\xa9" => 1, 'say"hi"' => 1 },
    'each play is counted, ids are decoded';
counts();

# Which requests.
for my $case (
    ['--status=404', '1=1'], ['--status=2xx', '1=3,2=1,3=1'], ['--status=4xx,5xx', '1=2'],
    ['--method=HEAD', '1=1'], ['--method=POST', '2=1'],
) {
    my ($option, $expected) = @$case;
    replay('--again', '--match=^/play/(\d)$', $option);
    replay('--again', '--match=^/play/(\d)\?', $option) if $option eq '--status=2xx';
    is counts(), $expected, $option;
}

# What is no request is told, not counted.
log_is(common('GET /play/1 HTTP/1.1', 200), 'rubbish', '', common('-', 408), '"GET /play/1',
    common('GET /play/%zz HTTP/1.1', 200), common('GET /play/%FF HTTP/1.1', 200),
    common('GET /play/' . 'x' x 300 . ' HTTP/1.1', 200));
$run = replay($match, '--json');
is $run->{status}, 0, 'lines that are none';
is $run->{out}, qq({"lines":8,"plays":1,"unreadable":4,"unusable":3,"carried_on":false}\n),
    'are told, as JSON';
like $run->{err}, qr/^playcount: 4 lines are not in the log format\nplaycount: 3 requests match but have no valid id\n$/,
    'and as messages';
is counts(), '1=1', 'and not counted';

# The arguments.
for my $case (
    [[], qr/needs --match/], [['--match=('], qr/--match=\(: .*character/],
    [['--match=^/play/'], qr/has no group/], [[$match, '--status=200-299'], qr/--status/],
    [[$match, '--format=%h'], qr/--format=%h: the request is not in it/],
    [[$match, '--format=%r', '--status=200'], qr/--status: the format does not have/],
    [[$match, '--format=%U %s', '--method=GET'], qr/--method: the format does not have/],
) {
    my ($arguments, $says) = @$case;
    $run = replay(@$arguments);
    is $run->{status}, 2, "@$arguments: exit status 2";
    like $run->{err}, $says, 'and says why';
}

# The standard input.
$run = playcount({ stdin => common('GET /play/9 HTTP/1.1', 200) }, '-s', $url, 'replay', '-q', $match, '-');
is "$run->{status} $run->{out}", '0 ', 'the standard input, quiet, without a newline at its end';
is counts(), '9=1', 'is counted';

# No line is in the format: nothing is remembered, so that the right one still counts.
log_is('GET /play/1 200', 'GET /play/2 200');
$run = replay($match);
is $run->{status}, 6, 'no line could be read: exit status 6';
like $run->{err}, qr/2 lines are not in the log format\nplaycount: no line could be read/, 'says so';
ok !-e $state, 'nothing is remembered';
$run = replay($match, '--format=%m %U %s');
is $run->{out}, "2 plays in 2 lines were counted\n", 'the right format' or diag $run->{err};
counts();

# A byte order mark and CRLF.
Playcount::Server::spew($log, "\xef\xbb\xbf" . join '', map { "GET /play/$_ 200\r\n" } 1 .. 2);
$run = replay('--again', $match, '--format=%m %U %s');
is $run->{out}, "2 plays in 2 lines were counted\n", 'a byte order mark and CRLF' or diag $run->{err};
counts();

# Killed again and again.
my $lines = 400_000;
log_is();
open my $file, '>', $log or die "$log: $!";
for (1 .. $lines) {
    print {$file} common('GET /play/' . $_ % 1000 . ' HTTP/1.1', 200), "\n";
}
close $file;
(my $killed, $run) = kill_until(\&has_said, $state, '-s', $url, 'replay', $match, $log);
cmp_ok $killed, '>', 0, "killed $killed times in the middle";
is $run->{out}, "$lines plays in $lines lines were counted\n",
    'and resumed to the end; the sum is that of all' or diag "$run->{status} $run->{err}";
sub each_is
{
    my ($expected, $what) = @_;
    my %is = map { split /=/ } split /,/, $server->get('/')->{content};
    is scalar(grep { ($is{$_} // 0) != $expected } 0 .. 999), 0, $what;
}
each_is($lines / 1000, 'each play is counted once');
$run = replay($match);
like $run->{out}, qr/^(0 plays in 0|$lines plays in $lines) lines/, 'the same command again counts nothing' or diag $run->{err};
each_is($lines / 1000, 'still once');

# --again, killed too, counts all of it again, once.
($killed, $run) = kill_until(\&has_said, "$state.new", '-s', $url, 'replay', '--again', $match, $log);
is $run->{out}, "$lines plays in $lines lines were counted\n", "--again, killed $killed times" or diag $run->{err};
replay($match); # in case it was killed after it had said so
each_is(2 * $lines / 1000, 'counts all of it once more');

done_testing;
