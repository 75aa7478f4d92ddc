# The live page with a thousand routes, behind nginx: all of them are in the table, and what
# a key or a click costs the browser is less than a tenth of a second of its processor. And
# half an hour of polls leaves its memory as it was.
use strict;
use warnings;
use Test::More;
use Cpanel::JSON::XS ();
use Playcount::Browser;
use Playcount::Metrics;
use Playcount::Nginx;

plan skip_all => 'no nginx' unless Playcount::Nginx::is_there();

my $server = Playcount::Metrics::server(config => <<'EOF');
PlaycountZone default songs=100
PlaycountSeries 1
PlaycountRoutes 1000
PlaycountRoute "%{QUERY_STRING}"
EOF
$server->get("/test?blocks=1&n=$_") for 1 .. 999;
Playcount::Server::wait_until('all routes are in the series', sub {
    my $live = Cpanel::JSON::XS->new->utf8->decode($server->get('/metrics?format=live&minutes=15')->{content});
    return @{ $live->{metrics}{routes}{rows} } >= 999;
});
my $nginx = Playcount::Nginx->new(<<"EOF");
location /far/away/ { proxy_pass http://127.0.0.1:@{[ $server->port ]}/metrics; }
EOF

Playcount::Browser::run('many.mjs', url => $nginx->url('/far/away/'), routes => 999);

done_testing;
