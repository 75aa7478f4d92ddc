# The live page by mouse, finger and keys, on paper, without motion; and behind a login that
# answers with HTML and 200 when a session is over.
use strict;
use warnings;
use Test::More;
use Playcount::Browser;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(modules => ['rewrite'], start => 0, config => <<'EOF');
PlaycountZone default songs=100
PlaycountSeries 1
PlaycountSlowRequests 0.02
PlaycountRoute "%{QUERY_STRING}"
<Location /nobody>
    PlaycountRoute nobody
</Location>
<Location "/login">
    SetHandler playcount-metrics
    RewriteEngine On
    RewriteCond @root@/conf/out -f
    RewriteRule . /sign-in.html [L]
</Location>
EOF
Playcount::Server::spew($server->root . '/htdocs/sign-in.html', '<!DOCTYPE html><title>Sign in</title>');
$server->start;
my $slow = sub { $server->get("/test?blocks=2&before=30&a-rather-long-name-of-a-route-that-is-not-at-an-end=$_[0]") };
$slow->($_) for 1 .. 3;

# Requests go on until the test ends.
Playcount::Process::begin({}, sub {
    for (my $n = 0; getppid() != 1; $n++) {
        $server->get('/test?blocks=2&size=500&n=' . $n % 3);
        select undef, undef, undef, 0.05;
    }
});

Playcount::Browser::run('ways.mjs', url => $server->url('/'), act => {
    slow     => sub { $slow->(4) },
    sign_out => sub { Playcount::Server::spew($server->root . '/conf/out', '') },
});

done_testing;
