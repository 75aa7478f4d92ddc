# mod_status shows the routes, as a section and as lines; without mod_status,
# and without mod_watchdog's or mod_log_config's items, nothing is missed.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(modules => ['status'], config => <<'EOF');
PlaycountSeries 1
<Location "/server-status">
    SetHandler server-status
    PlaycountMetrics Off
</Location>
<Location "/test/x">
    PlaycountRoute "<a> & b"
</Location>
<Location "/test/y">
    PlaycountRoute "_a____b"
</Location>
<Location "/test/escape">
    PlaycountRoute "%{unescape:%{QUERY_STRING}}"
</Location>
EOF
$server->get('/test?blocks=2&size=50') for 1 .. 4;
$server->get('/test/x?return=500');
Playcount::Server::wait_until('five in the series', sub {
    my $recent = Playcount::Metrics::json($server)->{metrics}{total}{recent};
    return $recent && $recent->{requests} == 5;
});
my $page = $server->get('/server-status')->{content};
like $page, qr/Requests by route/, 'a section on the page';
like $page, qr{The last 5 minutes.*<td>playcount-test</td><td>4</td>.*Since the start.*<td>playcount-test</td><td>4</td>}s,
    'with each route, lately and in all';
like $page, qr{<td>&lt;a&gt; &amp; b</td><td>1</td>}, 'escaped';
my %auto = map { /^(Playcount[^:]*): (.*)/ ? ($1, $2) : () }
    split /\n/, $server->get('/server-status?auto')->{content};
is $auto{PlaycountRequests}, 5, '?auto: all requests';
is $auto{'Playcount-playcount-test-Requests'}, 4, '?auto: by route';
is $auto{'Playcount-%3Ca%3E%20%26%20b-Errors'}, 1, '?auto: names made safe';
is $auto{'Playcount-playcount-test-OutputBytes'}, 400, '?auto: bytes';
is $auto{PlaycountInFlight}, 0, '?auto: in flight';
like $auto{PlaycountRequestTimeP99Ms}, qr/^\d+\.\d{3}$/, '?auto: quantiles';

# Names that look alike once they are made safe; and one that would act on a terminal.
$server->get('/test/y?blocks=1');
$server->get('/test/escape?e%1b%5b2J%c2%9b%0aend');
my (%times, @lines);
Playcount::Server::wait_until('both routes', sub {
    @lines = split /\n/, $server->get('/server-status?auto')->{content};
    return 2 == grep { /_a____b-Requests|e\S+end-Requests/ } @lines;
});
$times{$_}++ for map { /^(Playcount[^:]*):/ } @lines;
is join(' ', grep { $times{$_} > 1 } sort keys %times), '', '?auto: each key once';
for my $path ('/server-status', '/server-status?auto', '/metrics', '/metrics?format=json') {
    my $content = $server->get($path)->{content};
    like $content, qr/e(?:\?|%3F)(?:\[|%5B)2J/, "$path has the route with an escape sequence";
    unlike $content, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/, 'without its control characters';
}

my $plain = Playcount::Metrics::server();
is $plain->get('/test?blocks=1')->{status}, 200, 'all works without mod_status';

done_testing;
