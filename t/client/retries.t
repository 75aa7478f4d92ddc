# A request that failed in a way that may pass is sent again, and counted once.
use strict;
use warnings;
use Test::More;
use Playcount::Command qw(playcount);
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;

my $real = Playcount::Server->new(songs => '10k');
my $port = $real->port;

# Passes requests on to the real server, but of the first ones the answer, or
# the request, is lost in this way.
sub loses
{
    my ($times, $how) = @_;
    return Playcount::Misbehaving->new(sub {
        my ($socket, $n) = @_;
        while (my $request = request($socket)) {
            if ($n <= $times) {
                $how->($socket, $request);
                return;
            }
            print {$socket} forward($request, $port);
            return;
        }
    });
}

my %ways = (
    'the connection breaks before the answer' =>
        sub { forward($_[1], $port) },
    'the answer is cut in its header' =>
        sub { print { $_[0] } substr forward($_[1], $port), 0, 20 },
    'the answer is cut in its body' =>
        sub { my $a = forward($_[1], $port); chop $a; print { $_[0] } $a },
    'the request is lost' =>
        sub { },
    'a proxy says 502 for a request that arrived' =>
        sub { forward($_[1], $port); print { $_[0] } answer(502, 'Bad Gateway') },
    'a proxy says 503' =>
        sub { print { $_[0] } answer(503, 'Busy') },
    'a proxy says 504 for a request that arrived' =>
        sub { forward($_[1], $port); print { $_[0] } answer(504, '') },
    'it says 429' =>
        sub { print { $_[0] } answer(429, 'Too many') },
    'it says 408' =>
        sub { print { $_[0] } answer(408, 'Slow') },
    'it says 409, still being answered' =>
        sub { forward($_[1], $port); print { $_[0] } answer(409, 'In progress') },
);

my $song = 0;
for my $way (sort keys %ways) {
    for my $command (['play', '--by=3'], ['play', '--by=3', 'other']) {
        my $proxy = loses(2, $ways{$way});
        my $id = 'song' . ++$song;
        my $run = playcount('-s', $proxy->url, @$command, $id);
        my $what = "$way, twice: playcount @$command";
        is $run->{status}, 0, "$what: works in the end" or diag $run->{err};
        my @requests = $proxy->requests;
        is scalar @requests, 3, "$what: at the third attempt";
        my %keys = map { (($_->{key} // "none") => 1) } @requests;
        is scalar keys %keys, 1, "$what: under one key";
        like((keys %keys)[0], qr/^[0-9a-f]{32}$/, "$what: a random one");
        my %bodies = map { (join(" ", @$_{qw(line body)}) => 1) } @requests;
        is scalar keys %bodies, 1, "$what: the same request each time";
        is $real->get("/song/$id")->{content}, 3, "$what: counted once";
        my ($shown) = $run->{out} =~ /(?:^|\Q$id\E=)(\d+)$/m;
        is $shown, 3, "$what: and shows the count of the first attempt";
    }
    my $proxy = loses(2, $ways{$way});
    my $run = playcount('-s', $proxy->url, 'get', "song$song");
    is "$run->{status} $run->{out}", "0 3\n", "$way, twice: playcount get";
    is scalar(grep { defined $_->{key} } $proxy->requests), 0, "$way: a GET has no key";
}

# Two plays have two keys.
my $proxy = loses(0);
playcount('-s', $proxy->url, 'play', 'twice') for 1, 2;
my %keys = map { $_->{key} => 1 } $proxy->requests;
is scalar keys %keys, 2, 'each play has a key of its own';
is $real->get('/song/twice')->{content}, 2, 'and both count';

# As often as is said, and no more.
$proxy = loses(100, sub { });
for my $retries (0, 1, 3) {
    my $before = () = $proxy->requests;
    my $run = playcount('-s', $proxy->url, "--retries=$retries", 'play', 'x');
    is $run->{status}, 3, "--retries=$retries: it fails in the end";
    is scalar(() = $proxy->requests) - $before, $retries + 1, "after $retries retries";
}

# What does not pass is not repeated.
for my $status (400, 401, 403, 404, 405, 413, 415, 422, 500, 501, 507) {
    $proxy = loses(100, sub { print { $_[0] } answer($status, 'No.') });
    for my $command (['get', 'x'], ['play', 'x'], ['play', 'x', 'y'], ['list'], ['top']) {
        my $before = () = $proxy->requests;
        my $run = playcount('-s', $proxy->url, @$command);
        is $run->{status}, 1, "$status: playcount @$command: refused";
        is scalar(() = $proxy->requests) - $before, 1, "$status: after one attempt";
        like $run->{err}, qr/answered $status.*: No\.$/m, "$status: with the server's sentence";
    }
}

# A pause that the server asks for, longer than the time there is: no retry.
$proxy = loses(100, sub { print { $_[0] } answer(503, 'Later', 'Retry-After: 100') });
my $run = playcount('-s', $proxy->url, 'play', 'x');
is $run->{status}, 1, 'Retry-After beyond the time limit: given up';
is scalar(() = $proxy->requests), 1, 'at once';

# A refusal by somebody who knows nothing of keys says nothing of the attempt before,
# whose answer was lost; one by the counter itself does.
for my $status (401, 403, 404, 501) {
    my $refuser = Playcount::Misbehaving->new(sub {
        my ($socket, $n) = @_;
        request($socket) and $n > 1 and print {$socket} answer($status, 'No.');
    });
    $run = playcount('-s', $refuser->url, 'play', 'x');
    is $run->{status}, 1, "an answer that was lost, then $status: refused";
    like $run->{err}, qr/not known whether the plays were counted/, 'but maybe counted';
}
for my $status (400, 413, 415, 422, 507) {
    my $refuser = Playcount::Misbehaving->new(sub {
        my ($socket, $n) = @_;
        request($socket) and $n > 1 and print {$socket} answer($status, 'No.');
    });
    $run = playcount('-s', $refuser->url, 'play', 'x');
    unlike $run->{err}, qr/not known/, "an answer that was lost, then $status: not counted";
}

# A reset that was sent is not repeated: it could forget what came after it.
for my $way ('the connection breaks before the answer', 'a proxy says 503') {
    $proxy = loses(100, $ways{$way});
    $run = playcount('-s', $proxy->url, 'reset', '--yes');
    isnt $run->{status}, 0, "reset, $way: fails";
    is scalar(() = $proxy->requests), 1, "reset, $way: is not repeated";
}

# A listing that broke off is not begun again behind what has been shown; one
# that did not begin is.
$proxy = loses(1, sub { print { $_[0] } "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1=1," });
$run = playcount('-s', $proxy->url, 'list');
is $run->{status}, 3, 'a listing that broke off has failed';
is $run->{out}, "1=1\n", 'what came is shown once';
$proxy = loses(1, sub { });
$run = playcount('-s', $proxy->url, 'list');
is $run->{status}, 0, 'a listing that did not begin is asked for again';

# A server that is not there yet.
my $late = Playcount::Server->new(songs => '10k', start => 0);
my $started = Playcount::Command::start_program('client/playcount', '-s', $late->url,
    '--timeout=60', '--retries=100', 'play', 'late');
$late->start;
$run = Playcount::Command::wait_program($started);
is "$run->{status} $run->{out}", "0 1\n", 'a server that starts meanwhile is reached';

# With the keys switched off nothing is counted that could be counted twice.
my $without = Playcount::Server->new(songs => '10k', config => 'PlaycountIdempotency 0');
$run = playcount('-s', $without->url, 'play', 'x');
is $run->{status}, 1, 'PlaycountIdempotency 0: refused';
like $run->{err}, qr/501.*PlaycountIdempotency/, 'PlaycountIdempotency 0: says why';
is $without->get('/song/x')->{content}, 0, 'PlaycountIdempotency 0: not counted';

done_testing;
