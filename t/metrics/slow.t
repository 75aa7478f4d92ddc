# Slow requests: a line in the log, without the query; the last hundred in the
# JSON, the latest first.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(log_level => 'warn', config => <<'EOF');
<Location "/test">
    PlaycountSlowRequests 0.05
    PlaycountRoute "slow ones"
</Location>
<Location "/test/never">
    PlaycountSlowRequests Off
</Location>
<Location "/test/all">
    PlaycountSlowRequests 0.000001
</Location>
EOF
$server->get('/test/never?before=80');
$server->get('/test/a%0ab?before=80&blocks=2&secret=word&size=10');
my $log = $server->wait_for_log(qr/slow request:/);
my ($line) = grep { /slow request:/ } split /\n/, $log;
like $line, qr{slow request: route "slow ones", GET /test/a\\nb, status 200, complete, request \d+ us, application \d+ us, output \d+ us, 2 blocks, 20 bytes},
    'a request over the limit is logged with route, method, path, status and times';
unlike $log, qr/secret/, 'without its query';
unlike $log, qr/never/, 'Off in a location is off';
my $slow = Playcount::Metrics::json($server)->{metrics}{slow};
is scalar(@$slow), 1, 'and is in the JSON';
my $one = $slow->[0];
is_deeply { map { $_ => $one->{$_} } qw(route method path status outcome output_blocks output_length) },
    { route => 'slow ones', method => 'GET', path => "/test/a\nb", status => 200,
        outcome => 'complete', output_blocks => 2, output_length => 20 }, 'with all about it';
cmp_ok $one->{request_time}, '>=', 80_000, 'and its times';
cmp_ok abs($one->{time} - time), '<', $Playcount::Server::PATIENCE, 'and when it was';

$server->get("/test/all/$_?before=1") for 1 .. 120;
Playcount::Server::wait_until('the last one', sub {
    $slow = Playcount::Metrics::json($server)->{metrics}{slow};
    return $slow->[0]{path} eq '/test/all/120';
});
is_deeply [map { $_->{path} } @$slow], [map { "/test/all/$_" } reverse 21 .. 120],
    'the last hundred, the latest first';
$server->get('/test/all/' . "\xc3\xa9" x 500);
Playcount::Server::wait_until('the long one', sub {
    $slow = Playcount::Metrics::json($server)->{metrics}{slow};
    return $slow->[0]{path} !~ m{/120$};
});
like $slow->[0]{path}, qr{^/test/all/\x{e9}+$}, 'a long path is cut, not inside a character';

my $debug = Playcount::Metrics::server(log_level => 'info playcount:debug');
$debug->get('/test?blocks=2&size=3');
$log = $debug->wait_for_log(qr/finish:/);
like $log, qr{playcount:debug.* start: route "playcount-test", GET /test}, 'debug: a start line';
like $log, qr{playcount:debug.* finish: status 200, complete, request \d+ us, application \d+ us, output \d+ us, 2 blocks, 6 bytes},
    'debug: and a finish line';

done_testing;
