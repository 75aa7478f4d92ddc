# The live page says how it is: signed out when its password is gone, behind a login that
# redirects, stale while the server is away, live again by itself, asleep while nobody looks.
# It works below any prefix of a reverse proxy, and its own requests are neither measured nor
# logged if the log leaves them out.
use strict;
use warnings;
use Test::More;
use Playcount::Browser;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(
    modules => [qw(auth_basic authn_file authn_core authz_user proxy proxy_http rewrite)],
    start   => 0,
    config  => <<'EOF',
PlaycountSeries 1
LogFormat "%r" plain
CustomLog logs/plain plain env=!playcount-page
ProxyPass /a/b/figures http://127.0.0.1:@port@/metrics
<Location "/secret">
    SetHandler playcount-metrics
    AuthType Basic
    AuthName figures
    AuthUserFile @root@/conf/users
    Require valid-user
</Location>
<Location "/login">
    SetHandler playcount-metrics
    RewriteEngine On
    RewriteCond @root@/conf/out -f
    RewriteRule . /sign-in [R=302,L]
</Location>
EOF
);
my $users = $server->root . '/conf/users';
my $out = $server->root . '/conf/out';
# What htpasswd -nbs makes.
my $password = 'me:{SHA}' . `printf tell | openssl dgst -sha1 -binary | openssl base64`;
Playcount::Server::spew($users, $password);
chmod 0644, $users;
$server->start;
$server->get('/test?blocks=1');

Playcount::Browser::run('states.mjs',
    url => $server->url('/'),
    act => {
        expire  => sub { Playcount::Server::spew($users, 'other:x') },
        sign_out => sub { Playcount::Server::spew($out, '') },
        stop    => sub { $server->stop },
        start   => sub { $server->start; $server->get('/test?blocks=1') for 1 .. 3 },
    });

my $log = Playcount::Server::slurp($server->root . '/logs/plain');
like $log, qr{^GET /test}m, 'the access log has other requests';
unlike $log, qr{^GET /metrics\?(?:format=(?:live|songs)|file=)}m, 'and can leave the page out';
is Playcount::Metrics::route($server, 'playcount-metrics')->{status}{'2xx'} // 0, 0,
    "the page's requests are not measured";

done_testing;
