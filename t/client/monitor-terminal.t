# playcount monitor in a terminal: views, keys, sizes, and servers that come and go.
use strict;
use warnings;
use Cwd qw(getcwd);
use Test::More;
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;
use Playcount::Terminal;

plan skip_all => 'no tmux' unless Playcount::Terminal::is_there();

my $server = Playcount::Server->new(songs => '1k', location => '/plays', start => 0,
    modules => [qw(auth_basic authn_core authn_file authz_user)], config => my $open = <<'EOC');
PlaycountMetrics On
PlaycountMetricsSongs On
PlaycountSeries 1
PlaycountSlowRequests 0.000001
PlaycountRoute "%{REQUEST_METHOD} route %{HTTP:X-Route}"
<Location /metrics>
    SetHandler playcount-metrics
    PlaycountMetrics Off
</Location>
EOC
$server->start;
my $url = $server->url('/metrics');
my $command = getcwd . '/build/client/playcount';
sub monitor { my $option = ref $_[0] ? shift : {}; return Playcount::Terminal->new($option, $command, 'monitor', @_) }
sub play
{
    my ($song, $n, $route) = @_;
    $server->post("/plays/song/$song", headers => { 'X-Route' => $route }) for 1 .. $n;
    return;
}

plan skip_all => 'built without ncursesw' if qx($command monitor $url < /dev/null 2>&1) =~ /without ncursesw/;
play('first', 20, 'one');
play('second', 10, 'two');
play('third', 5, 'three');

my $terminal = monitor($url);
like $terminal->shows(qr/LIVE.*zones\n.*3 songs, 35 plays/s), qr/requests\/s.*request time, 95th/s, 'live; the overview';
ok $terminal->shows(qr/median +average +95th +99th/), 'with the table of times';
play('first', 5, 'one');
like $terminal->shows(qr/3 songs, 40 plays/), qr/LIVE/, 'what happens is seen by itself';

# Routes: sorted, filtered, one in detail.
$terminal->keys('r');
my $screen = $terminal->shows(qr/3 routes/);
like $screen, qr/POST route one .*POST route thr/s, 'all routes';
$terminal->keys('S'); # by name
like $terminal->shows(qr/routev/), qr/POST route one.*POST route thr\S* .*POST route two/s, 'sorted by name';
$terminal->keys('d');
like $terminal->shows(qr/route\^/), qr/POST route two.*POST route thr\S* .*POST route one/s, 'the other way round';
$terminal->keys('/');
$terminal->type('TWO');
like $terminal->shows(qr{/TWO_}), qr/1 of 3 routes/, 'filtered while it is typed, whatever the case';
$terminal->keys('BSpace');
ok $terminal->shows(qr{/TW_}), 'a character taken back';
$terminal->keys('Escape');
like $terminal->shows(qr/ 3 routes /), qr/3 routes +POST route two\n/, 'no filter; the name under the cursor, whole';
$terminal->keys('Down', 'Down');
$terminal->keys('Enter');
ok $screen = $terminal->shows(qr/POST route one\n.*POST 25.*request time in the last 5 minutes.*<= .*%/s),
    'the route under the cursor in detail';
like $screen, qr/\x{e2}\x{96}\x{88}|█/, 'with a histogram';
$terminal->keys('f', 'f', 'f');
like $terminal->shows(qr/output blocks in/), qr/<= 1 +100\.0%/, 'of another figure';
$terminal->keys('Escape');
ok $terminal->shows(qr/3 routes/), 'and back';

# The other views.
$terminal->keys('w');
ok $terminal->shows(qr/time +request.*complete +POST route \S+ .*POST \/plays\/song\/first/s), 'slow requests, with their routes';
$terminal->keys('h');
ok $terminal->shows(qr/held; 0 newer/), 'held';
play('first', 1, 'one');
like $terminal->shows(qr/held; [1-9]\d* newer/), qr/slow\*/, 'they do not go on';
$terminal->keys('h');
ok $terminal->shows(qr/slow\*(?!.*held)/s), 'until they are let go';
$terminal->keys('g');
ok $terminal->shows(qr/plays\/s +zone +song.*26 .*first\n.*10 .*second\n.*5 .*third/s), 'songs, the highest first';
play('second', 30, 'two');
like $terminal->shows(qr/40 .*second\n.*26 .*first/s), qr/default/, 'as they change';
$terminal->keys('/');
$terminal->type('th');
ok $terminal->shows(qr{^(?!.*second).*/th_.*5 .*third}s), 'found by their beginning';
$terminal->keys('Enter');
$terminal->keys('Tab');
ok $terminal->shows(qr/o overview\*/), 'Tab goes on to the first view';
$terminal->keys('BTab');
ok $terminal->shows(qr/g songs\*/), 'and back';
$terminal->keys('Escape', '?');
$screen = $terminal->shows(qr/sort by the next/);
utf8::decode($screen);
my $page = Playcount::Server::slurp('metrics/page/page.html');
$page =~ s/&#(\d+);/chr $1/ge;
my %keys = $page =~ m{<dt>([^<]+)</dt><dd>([^<]+)</dd>}g;
is_deeply [sort grep { $screen !~ /^ +\Q$_\E +\Q$keys{$_}\E/m } keys %keys], [], 'the same keys as on the page, in the same words';
cmp_ok scalar(keys %keys), '>', 12, 'all of them';
$terminal->keys('x', '3');
ok $terminal->shows(qr/last 15 min/), 'another time range';

# What has no room at 80 columns is reached.
$terminal->keys('r', 's', 'd');
ok $terminal->shows(qr/requestsv.*>/), 'the routes, sorted by their requests; there is more at the right';
$terminal->keys(('s') x 8);
ok $terminal->shows(qr/99thv/), 'a column that is sorted by is seen';
$terminal->keys(('Right') x 30);
ok $terminal->shows(qr/<.*by\.95th$/m), 'arrows go to the others';
$terminal->keys(('Left') x 30, ('S') x 8);
ok $terminal->shows(qr/requestsv/), 'and back';

# Charts: a cursor in time, and large.
$terminal->keys('o', 'f', 'f', 'Left');
ok $terminal->shows(qr/requests\/s +\d\d:\d\d:\d\d  [\d.]+k?, errors 0.*request time, 95th +\d\d:\d\d:\d\d  median/s), 'what was at a moment';
$terminal->keys('Home');
ok $terminal->shows(qr/requests\/s +\d\d:\d\d:\d\d/), 'the first one';
$terminal->keys('f');
ok $terminal->shows(qr/application time, 95th/), 'of another figure';
$terminal->keys('e');
unlike $terminal->shows(qr/^(?!.*zones).*requests\/s/s), qr/application time/, 'a chart fills the screen';
$terminal->keys('e');
unlike $terminal->shows(qr/application time, 95th/), qr/requests\/s/, 'then the other';
$terminal->keys('e', 'End', 'Right', ('f') x 4);
ok $terminal->shows(qr/back to now.*zones/s), 'and all is as before';
$terminal->keys('g');

# Pause.
$terminal->keys('p');
ok $terminal->shows(qr/PAUSED/), 'paused';
play('first', 1, 'one');
sleep 7; # longer than an answer may take before it is called stale
like $terminal->screen, qr/PAUSED.*26 .*first/s, 'nothing changes';
$terminal->keys('p');
ok $terminal->shows(qr/LIVE.*27 .*first/s), 'and goes on';

# Sizes.
$terminal->keys('o');
$terminal->resize(120, 40);
like $terminal->shows(qr/.{100,}LIVE/), qr/(?:\n.*){35}q quit/, 'larger';
$terminal->resize(40, 10);
ok $terminal->shows(qr/LIVE/), 'smaller than it should be';
$terminal->resize(3, 2);
$terminal->resize(80, 24);
ok $terminal->shows(qr/LIVE.*zones/s), 'and as before';

# A killed child.
kill 'KILL', ($server->children)[0];
ok $terminal->shows(qr/(?:┊|\x{e2}\x{94}\x{8a})[^\n]*(?:┊|\x{e2}\x{94}\x{8a})/), 'is marked in the charts, as the start is';

# The server goes and comes.
$server->kill9_all;
ok $terminal->shows(qr/STALE for \d+ s.*(?:refused|connect)/si), 'the server is gone: it says so';
like $terminal->screen, qr/zones/, 'and shows what it knows';
$server->start;
ok $terminal->shows(qr/RESTARTED \d+ s ago/), 'it is back: it says so, and goes on';
play('again', 3, 'one');
ok $terminal->shows(qr/1 songs, 3 plays/), 'with what is new';

# A password, asked for all of a sudden.
$server->set_config($open =~ s{</Location>}{AuthType Basic\nAuthName x\nAuthUserFile "\@root\@/users"\nRequire valid-user\n</Location>}r);
$server->graceful;
like $terminal->shows(qr/SIGNED OUT/), qr/asks for a password \(401\)/, 'a password: it says so';
$server->set_config($open);
$server->graceful;
ok $terminal->shows(qr/LIVE|RESTARTED/), 'none any more: it goes on';
$terminal->keys('q');
is $terminal->end, 0, 'q ends it, exit status 0';
ok $terminal->shows(qr/^(?!.*LIVE)/s), 'and the terminal is as before';

# A server that stalls.
my $stall = "$server->{root}/stall";
my $slow = Playcount::Misbehaving->new(sub {
    while (my $request = request($_[0])) {
        sleep 1000 if -e $stall;
        print { $_[0] } forward($request, $server->port);
        return;
    }
});
$terminal = monitor($slow->url =~ s{/$}{/metrics}r, '--timeout=3600', '--interval=0.2');
ok $terminal->shows(qr/LIVE/), 'live';
Playcount::Server::spew($stall, '');
ok $terminal->shows(qr/STALE for \d+ s/), 'it stalls: it says so';
$terminal->keys('r');
ok $terminal->shows(qr/r routes\*/), 'keys are answered meanwhile';
$terminal->keys('C-c');
is $terminal->end, 130, 'SIGINT ends it at once, exit status 130';

# Colours, and none.
$terminal = monitor($url);
$terminal->shows(qr/LIVE/);
like $terminal->styled, qr/\e\[[0-9;]*3[2-6]m/, 'colours';
$terminal->keys('t');
Playcount::Server::wait_until('no colours', sub { $terminal->styled !~ /\e\[[0-9;]*3[0-7]m/ });
pass 't: none';
$terminal->keys('q');
$terminal = monitor({ env => { NO_COLOR => 1 } }, $url);
$terminal->shows(qr/LIVE/);
unlike $terminal->styled, qr/\e\[[0-9;]*3[0-7]m/, 'NO_COLOR: none';
$terminal->keys('q');
$terminal = monitor({ env => { LC_ALL => 'C' } }, $url);
like $terminal->shows(qr/LIVE/), qr/^[\x00-\x7f]*$/, 'ASCII where the locale has no more';
$terminal->keys('q');

# Routes that would turn the terminal upside down.
$server->raw("POST /plays/song/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n"
    . "X-Route: \xc2\x9b2J\xe2\x80\xae]0;evil\r\n\r\n");
$terminal = monitor({ width => 160 }, $url);
$terminal->keys('r');
like $terminal->shows(qr/POST route \?/), qr/POST route \?2J\?\]0;evil.*q quit/s, 'are shown and do nothing';

done_testing;
