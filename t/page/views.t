# The live page in a real browser: data arrives and moves, every route is there, and one is
# opened and left again; everything chosen stands in the URL; keys do all of it; nothing
# violates the page's own policy; nothing serious is found for people with disabilities.
use strict;
use warnings;
use Test::More;
use Playcount::Browser;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(modules => ['mime'], config => <<'EOF');
PlaycountZone default songs=100
<Location "/plays">
    SetHandler playcount
    PlaycountMetrics Off
</Location>
PlaycountSeries 1
TypesConfig /dev/null
AddType audio/mpeg .mp3
PlaycountMedia On
PlaycountMediaBitrate whole
PlaycountSlowRequests 0.02
PlaycountRoutes 50
PlaycountRoute "%{REQUEST_METHOD} %{QUERY_STRING}"
EOF

# One listener has all of a file, a bot too.
Playcount::Server::spew($server->root . '/htdocs/a.mp3', 'x' x 1000);
$server->get('/a.mp3', headers => { 'User-Agent' => $_ }) for 'Player/1', 'Googlebot/2.1';

# Requests go on until the test ends.
Playcount::Process::begin({}, sub {
    my $n = 0;
    while (getppid() != 1) {
        $n++;
        $server->get("/test?blocks=2&size=500&n=" . $n % 3);
        $server->get('/test?blocks=1&before=30') if $n % 5 == 0;
        $server->get('/test?return=500') if $n % 7 == 0;
        $server->get("/test?blocks=1&x=<b>\xe2\x80\xae%1b[31m") if $n % 11 == 0;
        $server->post('/plays/song/hit');
        $server->post('/plays/song/other') if $n % 2;
        select undef, undef, undef, 0.02;
    }
});

Playcount::Browser::run('views.mjs',
    url => $server->url('/metrics'),
    act => {
        kill_child => sub { kill 'KILL', ($server->children)[0] },
        graceful   => sub { $server->graceful },
    });

done_testing;
