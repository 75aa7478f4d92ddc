# playcount monitor: one screen and JSON, whose address it is, and how it ends when the
# server does not answer as it should.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Cpanel::JSON::XS qw(decode_json encode_json);
use Playcount::Command qw(playcount);
use Playcount::Misbehaving qw(request answer);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '1k', location => '/plays', modules => [qw(auth_basic authn_core authn_file authz_user)],
    start => 0, config => <<'EOC');
PlaycountMetrics On
PlaycountMetricsSongs On
PlaycountSeries 1
PlaycountSlowRequests 0.000001
PlaycountRoute "%{REQUEST_METHOD} song"
<Location /metrics>
    SetHandler playcount-metrics
</Location>
<Location /closed>
    SetHandler playcount-metrics
    AuthType Basic
    AuthName metrics
    AuthUserFile "@root@/users"
    Require valid-user
</Location>
EOC
Playcount::Server::spew($server->root . '/users', 'me:' . crypt('p@ss', '$1$saltsalt') . "\n");
$server->start;
my $url = $server->url('/metrics');
my %utf8 = (LC_ALL => 'C.UTF-8');

sub play { $server->post("/plays/song/$_[0]") for 1 .. $_[1]; return }
sub monitor { my $env = ref $_[0] ? shift : {}; return playcount({ env => { %utf8, %$env } }, 'monitor', @_) }

play('a', 30);
play('b', 10);
my $known = Playcount::Server::wait_until('an interval with all of it', sub {
    my $all = decode_json(monitor('--json', $url)->{out});
    my $n = 0;
    $n += $_ for @{ $all->{server}{metrics}{series}{requests} };
    return $n >= 40 && $all->{server}{zones}[0]{plays} == 40 && $all->{server}{metrics}{window}{requests} >= 40 ? $all : undef;
});
is $known->{url}, $url, '--json: the address';
is $known->{server}{zones}[0]{plays}, 40, 'what the server says';
is $known->{server}{metrics}{window}{requests}, $known->{server}{metrics}{window}{methods}{POST} + ($known->{server}{metrics}{window}{methods}{GET} // 0), 'all requests of the time together';
ok exists $known->{rates}{requests_per_second}, 'the rates';
ok exists $known->{rates}{routes}{'POST song'}{requests_per_second}, 'those of the routes';

my $run = monitor('--once', $url);
is $run->{status}, 0, '--once: exit status 0' or diag $run->{err};
my @lines = split /\n/, $run->{out}, -1;
cmp_ok scalar @lines, '<=', 41, 'one screen';
ok !(grep { my $l = $_; utf8::decode($l); length $l > 80 } @lines), 'of 80 columns';
unlike $run->{out}, qr/\e/, 'without escape sequences';
for my $words (qr/requests\/s/, qr/errors\/s/, qr/aborted\/s/, qr/in flight/, qr/request time .*[um]s/,
    qr/application time/, qr/output time/, qr/output blocks +\d/, qr/output bytes/, qr/median +average +95th +99th +99\.9th/,
    qr/default +0\.2% .* 2 songs, 40 plays/)
{
    like $run->{out}, $words, "shows $words";
}
like monitor({ LC_ALL => 'C' }, '--once', $url)->{out}, qr/^[\x00-\x7f]*\z/, 'ASCII where the locale has no more';
$run = monitor({ COLUMNS => 132, LINES => 50 }, '--once', $url);
ok scalar(grep { length > 100 } split /\n/, $run->{out}), 'as wide as COLUMNS says';

# Where the address comes from.
like monitor({ PLAYCOUNT_METRICS => $url }, '--once')->{out}, qr/40 plays/, 'PLAYCOUNT_METRICS';
Playcount::Server::spew("$dir/config", "metrics = $url\n");
like monitor({ PLAYCOUNT_CONFIG => "$dir/config" }, '--once')->{out}, qr/40 plays/, 'metrics in the configuration';
$run = monitor('--once');
is $run->{status}, 2, 'no address: exit status 2';
like $run->{err}, qr/PLAYCOUNT_METRICS/, 'it says where it can be put';
$run = monitor($url);
is $run->{status}, 2, 'not a terminal: exit status 2';
like $run->{err}, qr/this is not a terminal; say --once/, 'it says so';

# A password.
my $closed = $server->url('/closed');
$run = monitor('--once', $closed);
is $run->{status}, 1, 'a password is asked for: exit status 1';
like $run->{err}, qr/^playcount: \Q$closed\E: asks for a password \(401\): put .*netrc/, 'it says so';
(my $with = $closed) =~ s{//}{//me:p%40ss@};
$run = monitor('--once', $with);
is $run->{status}, 0, 'user and password in the address' or diag $run->{err};
like $run->{out}, qr/^ \Q$closed\E/, 'are not shown';
(my $wrong = $closed) =~ s{//}{//me:secret@};
$run = monitor('--once', $wrong);
is $run->{status}, 1, 'wrong ones';
unlike $run->{err}, qr/secret/, 'are not shown either';
Playcount::Server::spew("$dir/.netrc", "machine 127.0.0.1 login me password p\@ss\n");
is monitor({ HOME => "$dir" }, '--once', $closed)->{status}, 0, '.netrc, as for curl';

# What is not right.
for my $case (
    ['nothing there', 'http://127.0.0.1:' . Playcount::Server::free_port() . '/', 3, qr/refused|connect/i],
    ['no such location', $server->url('/none'), 1, qr/answered 404/],
    ['a counter', $server->url('/plays/'), 4, qr/is not a playcount-metrics location/],
    ['a page', sub { answer(200, '<html>', 'Content-Type: text/html') }, 4, qr/is not a playcount-metrics location, its answer is text\/html/],
    ['other JSON', sub { answer(200, '{"a":1}', 'Content-Type: application/json') }, 4, qr/is not a playcount-metrics/],
    ['half an answer', sub { substr answer(200, '{"a":1}' x 99), 0, 200 }, 3, qr/./],
    ['a redirect', sub { answer(302, '', "Location: $url") }, 4, qr/answered 302/],
    ['trouble', sub { answer(503, 'wait') }, 1, qr/answered 503/],
) {
    my ($what, $at, $status, $says) = @$case;
    my $bad = ref $at ? Playcount::Misbehaving->new(sub { request($_[0]); print { $_[0] } $at->() }) : undef;
    for my $form ('--once', '--json') {
        $run = monitor($form, $bad ? $bad->url : $at);
        is $run->{status}, $status, "$what: $form: exit status $status";
        like $run->{err}, $says, 'it says why';
        is $run->{out}, '', 'and prints nothing';
    }
}
my $silent = Playcount::Misbehaving->new(sub { request($_[0]); sleep 1000 });
$run = playcount('--timeout=0.3', 'monitor', '--once', $silent->url);
is $run->{status}, 3, 'silence: exit status 3, after the time limit';

# Nothing measured.
my $plain = Playcount::Server->new(songs => '1k', config => <<'EOC');
<Location /metrics>
    SetHandler playcount-metrics
</Location>
EOC
$run = monitor('--once', $plain->url('/metrics'));
is $run->{status}, 0, 'nothing is measured';
like $run->{out}, qr/PlaycountMetrics is On nowhere/, 'it says so';
like $run->{out}, qr/default .* 0 songs/, 'the zones are there all the same';

# Names that are more than names.
my $nasty = "\e[2J\e]0;title\a\x{9b}31m\x{202e}evil\x{2066}\x{200b}\r\n\x{7f}\x{feff}";
my $figures = { map { $_ => { count => 1, sum => 1, map { $_ => 1 } qw(min max average median p95 p99 p999) } }
    qw(request_time application_time output_time output_blocks output_length) };
my $window = { %$figures, requests => 1, methods => {}, status => {}, outcomes => {}, histograms => {} };
my $evil = Playcount::Misbehaving->new(sub {
    request($_[0]);
    print { $_[0] } answer(200, encode_json({ version => 1, time => time, zones => [{ zone => $nasty, songs => 1, capacity => 1, plays => 1,
                handoff => {}, top => [{ song => $nasty, count => 1 }] }],
            metrics => { started => 1, interval_seconds => 1, minutes => 5, in_flight => 0, window => $window, series => {},
                routes => { columns => ['route', 'requests'], rows => [[$nasty, 1]] },
                slow => [{ time => 1, route => $nasty, path => $nasty, method => $nasty, status => 200, outcome => $nasty, %{ { request_time => 1 } } }] } }),
        'Content-Type: application/json');
});
$run = monitor('--once', $evil->url);
is $run->{status}, 0, 'nasty names' or diag $run->{err};
my $shown = $run->{out};
utf8::decode($shown);
unlike $shown, qr/[\x00-\x09\x0b-\x1f\x7f-\x9f\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}]/, 'are shown without what they would do';
like $shown, qr/\?\[2J\?\]/, 'but shown';

# What newer servers say besides.
my $newer = Playcount::Misbehaving->new(sub {
    request($_[0]);
    print { $_[0] } answer(200, encode_json({ version => 1, time => time,
        media => { deliveries => { played => 12, full => 0, bot => 3 } },
        zones => [{ zone => 'z', songs => 1, capacity => 2, plays => 1, handoff => { refused_songs => 2 } }],
        metrics => { started => 1, interval_seconds => 1, minutes => 5, window => $window, series => {}, routes => {}, slow => [],
            events => [{ time => 1, event => 'graceful' }, { time => 2, event => 'killed', pid => 3 }] } }),
        'Content-Type: application/json');
});
$run = monitor({ LINES => 44 }, '--once', $newer->url);
like $run->{out}, qr/^ z +50\.0% .* 2 songs refused$/m, 'songs that a database refused';
like $run->{out}, qr/^ media .*12 played/m, 'what became of deliveries of media';
like $run->{out}, qr/^ \d\d:\d\d:02 a child was killed +\d\d:\d\d:01 graceful$/m, 'events, the last one first';

done_testing;
