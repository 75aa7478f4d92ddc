# playcount bench loads a server and reports what it did.
use strict;
use warnings;
use Test::More;
use JSON::PP ();
use Playcount::Command qw(playcount start_program wait_program);
use Playcount::Misbehaving qw(request answer);
use Playcount::Server;

my $server = Playcount::Server->new(songs => '10k', threads => 25);
my $url = $server->url;
# Far fewer connections than each child has threads, so that it closes none: httpd
# does when none is free, and one may be on its way from its last answer.
my @bench = ('-s', $url, 'bench', '--duration=0.2', '--connections=8', '--json');

sub sum { my $n = 0; $n += (split /=/)[1] for split /,/, $server->get('/')->{content}; $server->delete('/'); return $n }

for my $case (
    ['get', 1], ['play', 1], ['batch', 100], ['get', 1, '--threads=2', '--connections=5'],
    ['play', 1, '--keys'], ['batch', 100, '--keys', '--threads=3'], ['play', 1, '--connections=1'],
) {
    my ($work, $each, @more) = @$case;
    my $run = playcount(@bench, "--work=$work", '--batch=100', @more);
    is $run->{status}, 0, "$work @more" or diag $run->{err};
    my $r = JSON::PP->new->decode($run->{out});
    cmp_ok $r->{requests}, '>', 0, "$work @more: $r->{requests} requests";
    is $r->{errors}, 0, 'no errors';
    my $l = $r->{latency_us};
    ok $l->{p50} > 0 && $l->{p50} <= $l->{p90} && $l->{p90} <= $l->{p99}
        && $l->{p99} <= $l->{p999} && $l->{p999} <= $l->{max}, 'quantiles in their order';
    my $plays = $work eq 'get' ? 0 : $r->{requests} * $each;
    is $r->{plays} // 0, $plays, "$plays plays are reported";
    is sum(), $plays, 'and were counted';
}
like playcount('-s', $url, 'bench', '--duration=0.1', '--connections=8')->{out},
    qr/^\d+ requests in \d+\.\d s, \d+\/s, 0 errors\nlatency in ms: p50 [\d.]+ p90 [\d.]+ p99 [\d.]+ p999 [\d.]+ max [\d.]+\n$/,
    'as text';

# Names that modulo understands.
my $run = playcount('-s', $url, '--shard=modulo', 'bench', '--work=play', '--duration=0.1', '--songs=3');
is $run->{status}, 0, 'modulo';
is join(',', sort map { (split /=/)[0] } split /,/, $server->get('/')->{content}), '1,2,3', 'songs are numbers';

# Errors are counted and said.
my $broken = Playcount::Misbehaving->new(sub {
    my $bad = $_[1] == 1;
    while (request($_[0])) { print { $_[0] } $bad ? answer(500, 'Broken') : answer(200, '1') }
});
$run = playcount('-s', $broken->url, 'bench', '--json', '--duration=0.1', '--connections=2');
is $run->{status}, 5, 'some fail: exit status 5';
cmp_ok(JSON::PP->new->decode($run->{out})->{errors}, '>', 0, 'they are counted');
like $run->{err}, qr/answered 500: Broken/, 'the first is said';
$run = playcount('-s', 'http://127.0.0.1:' . Playcount::Server::free_port() . '/', 'bench', '--json');
is $run->{status}, 3, 'nobody there: exit status 3';

# An interrupt ends it, with the report.
my $started = start_program('client/playcount', '-s', $url, 'bench', '--work=play', '--duration=3600', '--json');
Playcount::Server::wait_until('load', sub { $server->get('/')->{content} =~ /bench-/ });
kill 'INT', $started->{pid};
$run = wait_program($started);
is $run->{status}, 130, 'SIGINT: exit status 130';
cmp_ok(JSON::PP->new->decode($run->{out})->{requests}, '>', 0, 'with the report so far');

done_testing;
