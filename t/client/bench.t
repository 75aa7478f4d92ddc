# playcount bench loads a server and reports what it did.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Cpanel::JSON::XS ();
use Playcount::Command qw(playcount start_program wait_program);
use Playcount::Misbehaving qw(request answer);
use Playcount::Server;

my $server = Playcount::Server->new(songs => '10k', threads => 25);
my $url = $server->url;
# Far fewer connections than each child has threads, so that it closes none: httpd
# does when none is free, and one may be on its way from its last answer.
my @bench = ('-s', $url, 'bench', '--connections=8', '--json');

# For so long until it has done enough: on a busy machine nothing may come in a short time.
sub lasting
{
    my ($enough, @arguments) = @_;
    my $run;
    for (my $duration = 0.2; $duration < 60; $duration *= 2) {
        $run = playcount(@arguments, "--duration=$duration");
        last if $enough->($run);
        sum();
    }
    return $run;
}
sub decode { return Cpanel::JSON::XS->new->decode($_[0]{out}) }
sub has_requests { my ($run) = @_; return $run->{status} == 0 && decode($run)->{requests} > 0 }
sub has_cycles
{
    my ($run) = @_;
    return $run->{status} == 0 && !grep { $_->{requests} == 0 } @{ decode($run)->{cycles} };
}

sub sum { my $n = 0; $n += (split /=/)[1] for split /,/, $server->get('/')->{content}; $server->delete('/'); return $n }

for my $case (
    ['get', 1], ['play', 1], ['batch', 100], ['get', 1, '--threads=2', '--connections=5'],
    ['play', 1, '--keys'], ['batch', 100, '--keys', '--threads=3'], ['play', 1, '--connections=1'],
) {
    my ($work, $each, @more) = @$case;
    my $run = lasting(\&has_requests, @bench, "--work=$work", '--batch=100', @more);
    is $run->{status}, 0, "$work @more" or diag $run->{err};
    my $r = decode($run);
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
my $songs = sub { return join ',', sort map { (split /=/)[0] } split /,/, $server->get('/')->{content} };
my $run = lasting(sub { $songs->() eq '1,2,3' }, '-s', $url, '--shard=modulo', 'bench', '--work=play', '--songs=3');
is $run->{status}, 0, 'modulo';
is $songs->(), '1,2,3', 'songs are numbers';

# Errors are counted and said.
my $broken = Playcount::Misbehaving->new(sub {
    my $bad = $_[1] % 2;
    while (request($_[0])) { print { $_[0] } $bad ? answer(500, 'Broken') : answer(200, '1') }
});
$run = lasting(sub { $_[0]{status} == 5 }, '-s', $broken->url, 'bench', '--json', '--connections=2');
is $run->{status}, 5, 'some fail: exit status 5';
cmp_ok decode($run)->{errors}, '>', 0, 'they are counted';
like $run->{err}, qr/answered 500: Broken/, 'the first is said';
$run = playcount('-s', 'http://127.0.0.1:' . Playcount::Server::free_port() . '/', 'bench', '--json');
is $run->{status}, 3, 'nobody there: exit status 3';

# Cycles of users, as a table, as JSON, and as a page.
my $dir = File::Temp->newdir;
my $page = "$dir/page.html";
my @table;
$run = lasting(sub {
    @table = map { [split] } grep { /^ +\d/ } split /\n/, $_[0]{out};
    return !grep { $_->[1] <= 0 } @table;
}, '-s', $url, 'bench', '--work=play', '--users=1,2,8', "--report=$page");
is $run->{status}, 0, '--users' or diag $run->{err};
is_deeply [map { $_->[0] } @table], [1, 2, 8], 'a line for each cycle';
ok !(grep { $_->[1] <= 0 || $_->[2] ne '0.00%' || $_->[4] > $_->[5] || $_->[5] > $_->[6] || $_->[6] > $_->[7] || $_->[7] > $_->[8] } @table),
    'with requests, no failures, and quantiles in their order';
my $html = Playcount::Command::slurp($page);
like $html, qr/<td>8<\/td>/, 'the page has the table';
is scalar(() = $html =~ /<svg /g), 3, 'and three plots';
is scalar(() = $html =~ /<circle /g), 3 * 6, 'with a point for each cycle and curve';
unlike $html, qr/<script|https?:\/\/(?!127\.0\.0\.1)|src=|href=|nan|inf/i, 'and needs nothing else';
sum();
$run = playcount('-s', $url, 'bench', '--json', '--work=play', '--users=4', '--duration=1', '--think=0.1');
my $cycle = decode($run)->{cycles}[0];
cmp_ok $cycle->{requests}, '<=', 4 * 1 / 0.05 + 4, 'users who think ask less often';
cmp_ok $cycle->{requests}, '>', 0, 'but they ask';
is $cycle->{plays}, sum(), 'what they play is counted';
# A user alone asks when he has thought, and not when something else happens: 100 times a
# second here. Once must do, however busy the machine is.
ok Playcount::Server::wait_until('a user who thinks for a moment', sub {
    $run = playcount('-s', $url, 'bench', '--json', '--users=1', '--duration=1', '--think=0.01');
    return decode($run)->{cycles}[0]{requests} > 15;
}), 'one user who thinks for a moment';
# A page of any server, which is no text and has its end with the connection; and one that
# redirects.
my $site = Playcount::Misbehaving->new(sub {
    my $path = request($_[0]) or return;
    print { $_[0] } "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>" . 'x' x 100_000;
});
my $moved = Playcount::Misbehaving->new(sub {
    while (request($_[0])) {
        print { $_[0] } "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 2\r\n\r\nno";
    }
});
for my $case (['a page', $site], ['a redirect', $moved]) {
    $run = lasting(\&has_cycles, '-s', $case->[1]->url, 'bench', '--json', '--page=/a/page?x=1', '--users=1,2',
        "--report=$page");
    is $run->{status}, 0, "--page: $case->[0]" or diag $run->{err};
    my @cycles = @{ decode($run)->{cycles} };
    is scalar(grep { $_->{requests} > 0 && $_->{errors} == 0 } @cycles), 2, 'is got';
    ok Playcount::Command::slurp($page) =~ m{<b>\Q${\ $case->[1]->url}\Ea/page\?x=1</b>}, 'the report names it';
}
$run = lasting(sub { $_[0]{status} == 1 }, '-s', $url, 'bench', '--json', '--page=/no/such', '--users=1');
is $run->{status}, 1, 'a page that is not there';
is $run->{err} =~ s/^.*answered 404.*\n//r, '', 'is said';
is playcount('-s', $url, 'bench', '--page=x')->{status}, 2, 'a path begins with a slash';
is playcount('-s', $url, 'bench', '--page=/x', '--work=play')->{status}, 2, 'and nothing is played';

my $ill = Playcount::Misbehaving->new(sub { while (request($_[0])) { print { $_[0] } answer(500, '<b>Broken') } });
$run = lasting(sub { 2 == (() = $_[0]{out} =~ /100\.00%/g) }, '-s', $ill->url, 'bench', '--users=1,2', "--report=$page");
is $run->{status}, 1, 'all fail: exit status 1';
like $run->{out}, qr/^ +1 +0\.0 +100\.00%/m, 'the share is in the table';
like Playcount::Command::slurp($page), qr/class="bad">100\.00%/, 'and on the page';
for my $bad ('', '0', '1,', ',1', '1,x', '10001', join(',', (1) x 65)) {
    $run = playcount('-s', $url, 'bench', "--users=$bad");
    is $run->{status}, 2, "--users=" . substr($bad, 0, 9) . ': exit status 2';
}
is playcount('-s', $url, 'bench', '--report=x')->{status}, 2, '--report without --users';
symlink '/nonexistent', "$dir/link" or die;
is playcount('-s', $url, 'bench', '--users=1', '--duration=0.05', "--report=$dir/link")->{status}, 0, 'a link in place of the page';
ok -f "$dir/link" && !-l "$dir/link", 'is replaced, not followed';

# An interrupt ends it, with the report: of more plays than can be on their way at a time.
sum();
my $plays = 0;
my $started = start_program('client/playcount', '-s', $url, 'bench', '--work=play', '--duration=3600', '--json');
Playcount::Server::wait_until('load', sub { ($plays += sum()) > 100 });
kill 'INT', $started->{pid};
$run = wait_program($started);
is $run->{status}, 130, 'SIGINT: exit status 130';
cmp_ok decode($run)->{requests}, '>', 0, 'with the report so far';

done_testing;
