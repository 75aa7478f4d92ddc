# The JSON: quantiles are those of the same samples in the log, sorted; the
# series and the last minutes say what the life of the server says.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(songs => 10, config => <<'EOF');
PlaycountSeries 1
<Location "/test/one">
    PlaycountRoute one
</Location>
EOF
$server->get('/test/one?how=brigade&blocks=' . int(1.5**($_ % 12)) . '&size=' . int(1 + 1.3**($_ % 37)))
    for 1 .. 300;
$server->post('/test/two?blocks=1') for 1 .. 7;
$server->get('/test/two?return=503');
my @entries;
Playcount::Server::wait_until('all lines', sub {
    @entries = Playcount::Metrics::entries($server);
    return @entries == 308;
});

my $json;
Playcount::Server::wait_until('the series to have it all', sub {
    $json = Playcount::Metrics::json($server);
    my $n = 0;
    $n += $_->{total}{requests} for @{ $json->{metrics}{series} };
    return $n == 308;
});
my $metrics = $json->{metrics};
my ($one) = grep { $_->{route} eq 'one' } @{ $metrics->{routes} };
my ($two) = grep { $_->{route} eq 'playcount-test' } @{ $metrics->{routes} };

my %items = (request_time => 'request', application_time => 'application',
    output_time => 'output', output_blocks => 'blocks', output_length => 'length');
my %quantile = (median => 0.5, p95 => 0.95, p99 => 0.99, p999 => 0.999);
for my $figure (sort keys %items) {
    my @sorted = sort { $a <=> $b } map { $_->{ $items{$figure} } }
        grep { $_->{route} eq 'one' } @entries;
    my $sum = 0;
    $sum += $_ for @sorted;
    for my $where ([life => $one], [recent => $one->{recent}]) {
        my ($when, $got) = ($where->[0], $where->[1]{$figure});
        my $slack = $when eq 'life' ? 0 : 0.01;
        is $got->{count}, 300, "$when: $figure: count";
        is $got->{sum}, $sum, "$when: $figure: sum";
        cmp_ok abs($got->{average} - $sum / 300), '<', 0.001, "$when: $figure: average";
        cmp_ok abs($got->{min} - $sorted[0]), '<=', $slack * $sorted[0], "$when: $figure: min";
        cmp_ok abs($got->{max} - $sorted[-1]), '<=', $slack * $sorted[-1], "$when: $figure: max";
        for my $name (sort keys %quantile) {
            my $rank = int($quantile{$name} * 300 + 0.999999);
            my $exact = $sorted[$rank - 1];
            cmp_ok abs($got->{$name} - $exact), '<=', 0.01 * $exact,
                "$when: $figure: $name is within 1 % of the exact $exact";
        }
    }
}
is $two->{requests}, 8, 'another route has its own';
is_deeply $two->{methods}, { GET => 1, HEAD => 0, POST => 7, PUT => 0, DELETE => 0,
    PATCH => 0, OPTIONS => 0, CONNECT => 0, other => 0 }, 'by method';
is_deeply $two->{status}, { '1xx' => 0, '2xx' => 7, '3xx' => 0, '4xx' => 0, '5xx' => 1,
    other => 0 }, 'by status class';
is_deeply $two->{outcomes}, { complete => 7, aborted => 0, error => 1 }, 'by outcome';
is $metrics->{total}{requests}, 308, 'all routes together';
is $metrics->{total}{recent}{requests}, 308, 'and in the last minutes';
is $metrics->{interval_seconds}, 1, 'the interval is told';
is $metrics->{routes_used}, 3, 'so is the number of routes, with that of files';
is $json->{zones}[0]{capacity}, 10, 'and the zones are in it';
is $json->{version}, 1, 'and its version';

my @starts = map { $_->{start} } @{ $metrics->{series} };
is_deeply \@starts, [sort { $a <=> $b } @starts], 'the series is in order';
my $later = Playcount::Metrics::json($server, "since=$starts[-1]")->{metrics}{series};
is scalar(grep { $_->{start} <= $starts[-1] } @$later), 0,
    'since= gives only the intervals after it';
is $server->get("/metrics?format=json&$_")->{status}, 400, "$_: 400"
    for qw(minutes=0 minutes=61 minutes=x since=x since=-1);

# Without metrics anywhere the page still has the zones.
my $off = Playcount::Server->new(songs => 5, location => undef, config => <<'EOF');
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
EOF
$json = Playcount::Metrics::json($off);
is $json->{metrics}, undef, 'metrics off: null';
is $json->{zones}[0]{capacity}, 5, 'but the zones';
like $off->get('/metrics')->{content}, qr/^playcount_zone_capacity_songs\{zone="default"\} 5$/m,
    'as for Prometheus';

done_testing;
