# The live page's JSON: the same numbers as the whole JSON, in columns; one route by name;
# only what is new; songs by count and by prefix. And who gets which format.
use strict;
use warnings;
use HTTP::Tiny;
use Cpanel::JSON::XS ();
use List::Util qw(sum0);
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(config => <<'EOF');
PlaycountZone default songs=1k
PlaycountZone other songs=1k
<Location "/plays">
    SetHandler playcount
    PlaycountMetrics Off
</Location>
PlaycountSeries 1
PlaycountRoute "%{QUERY_STRING}"
<Location /nobody>
    PlaycountRoute nobody
</Location>
EOF

sub live
{
    my ($query) = @_;
    my $answer = $server->get("/metrics?format=live&$query");
    is $answer->{headers}{'content-type'}, 'application/json', "$query: JSON"
        if $answer->{status} == 200;
    return $answer->{status} == 200 ? Cpanel::JSON::XS->new->utf8->decode($answer->{content})
        : $answer->{status};
}

# The routes' table, each row a hash.
sub rows
{
    my ($live) = @_;
    my $columns = $live->{metrics}{routes}{columns};
    return map { my %r; @r{@$columns} = @$_; \%r } @{ $live->{metrics}{routes}{rows} };
}

$server->get("/test?blocks=$_&size=100") for (1) x 5, (20) x 3;
$server->get('/test?return=500');
my $live;
Playcount::Server::wait_until('all are in the series', sub {
    $live = live('minutes=5');
    # The rows are kept for a moment.
    return sum0(@{ $live->{metrics}{series}{requests} }) == 9 && sum0(map { $_->{requests} } rows($live)) == 9;
});
ok exists $live->{media}, 'media, if they are counted';
my $json = Playcount::Metrics::json($server, 'minutes=5')->{metrics};
my $series = $live->{metrics}{series};
my $n = @{ $series->{start} };
is_deeply [map { scalar @{ $series->{$_} } } qw(seconds error_percent requests errors aborted)],
    [($n) x 5], 'columns of one length';
is sum0(@{ $series->{errors} }), 1, 'errors';
for my $figure (qw(request_time application_time output_time output_blocks output_length)) {
    is_deeply [sort keys %{ $series->{$figure} }],
        [sort qw(sum average median p95 p99 p999)], "$figure: its columns";
    is sum0(@{ $series->{$figure}{sum} }), $json->{total}{$figure}{sum}, "$figure: its sum";
}
my %row = map { $_->{route} => $_ } rows($live);
my $nobody = delete $row{nobody};
is_deeply [sort keys %row], [sort map { $_->{route} } grep { $_->{requests} } @{ $json->{routes} }], 'a row for each route';
is_deeply [@$nobody{qw(requests errors rate median length_p95 length_sum)}], [0, 0, 0, undef, undef, 0],
    'also for one to which nothing came: with dashes for what nobody knows';
for my $route (grep { $_->{requests} } @{ $json->{routes} }) {
    my ($r, $name) = ($row{ $route->{route} }, $route->{route});
    is $r->{requests}, $route->{requests}, "$name: requests";
    is $r->{p95}, $route->{recent}{request_time}{p95}, "$name: 95th percentile";
    is $r->{blocks_median}, $route->{recent}{output_blocks}{median}, "$name: blocks";
    is $r->{length_sum}, $route->{output_length}{sum}, "$name: bytes";
}

my $one = live('minutes=5&route=blocks%3D20%26size%3D100')->{metrics};
is sum0(@{ $one->{series}{requests} }), 3, 'one route by name';
is $one->{route}, 'blocks=20&size=100', 'which is said';
is sum0(@{ live('route=nothing')->{metrics}{series}{requests} }), 0, 'an unknown one has nothing';

# A window in one piece, with histograms.
my $window = live('minutes=5&window=1')->{metrics}{window};
for my $member (qw(requests methods status outcomes output_blocks)) {
    is_deeply $window->{$member}, $json->{total}{recent}{$member}, "the window's $member";
}
is_deeply $window->{histograms}{output_blocks}, { counts => [6, (0) x 11, 3], limits => [1 .. 8, 10, 12, 14, 16, 20, 24] },
    'its histogram of blocks';
my $of_one = live('window=1&route=blocks%3D20%26size%3D100')->{metrics}{window};
is $of_one->{requests}, 3, 'of one route';
is sum0(@{ $of_one->{histograms}{request_time}{counts} }), 3, 'with its histograms';
is live('window=2'), 400, 'window is 1 or not there';

# As much of it as is wanted.
is_deeply [map { $_->{route} } rows(live('top=1&by=blocks_p95'))], ['blocks=20&size=100'], 'the top routes by a figure';
is scalar(rows(live('top=1'))), 1, 'by requests';
is((rows(live('top=1')))[0]{route}, 'blocks=1&size=100', 'which most have');
is((rows(live('top=1&by=errors')))[0]{route}, 'return=500', 'by errors');
is live('top=1')->{metrics}{routes}{known}, 4, 'and how many there are';
is live('by=spark'), 400, 'not by a sparkline';
is live('top=0'), 400, 'not none';
my $some = live('figures=request_time,output_blocks&window=1')->{metrics};
is_deeply [sort grep { ref $some->{series}{$_} eq 'HASH' } keys %{ $some->{series} }], ['output_blocks', 'request_time'],
    'the figures that are wanted';
is_deeply [sort keys %{ $some->{window}{histograms} }], ['output_blocks', 'request_time'], 'of the window too';
is live('figures=request_time,speed'), 400, 'no others';
my $parts = live('parts=window');
is $parts->{metrics}{window}{requests}, 9, 'totals apart';
is_deeply [grep { exists $parts->{metrics}{$_} } qw(series routes slow)], [], 'from series, routes and slow requests';
is_deeply [grep { exists $parts->{$_} } qw(zones media)], [], 'zones and media';
ok exists $parts->{metrics}{in_flight} && exists $parts->{metrics}{events}, 'what is always there';
is live('parts=all'), 400, 'no other parts';

# since gives whatever came meanwhile, and no more.
my $last = $series->{start}[-1];
$server->get('/test?blocks=1&size=100');
my $new;
Playcount::Server::wait_until('the new one', sub {
    $new = live("minutes=5&since=$last")->{metrics}{series};
    return sum0(@{ $new->{requests} }) == 1;
});
cmp_ok $new->{start}[0], '>', $last, 'since: nothing of before';

# Sparklines: thirty parts, if there are so many intervals, the last one complete.
my $course = Playcount::Server::wait_until('two intervals', sub {
    $server->get('/test?blocks=1&size=100&course');
    my ($row) = grep { $_->{route} =~ /course/ } rows(live('minutes=1'));
    return $row && defined $row->{spark}[-1] ? $row->{spark} : undef;
});
is scalar(@$course), 30, 'a course of thirty parts';
my ($hour) = grep { $_->{route} =~ /course/ } rows(live('minutes=60'));
ok !defined $hour->{spark}[0], 'with a gap before the start';
is live('minutes=1')->{metrics}{routes}{spark_seconds}, 2, 'of whole intervals each';

$server->post('/plays/song/a?by=3');
$server->post('/plays/song/ab?by=5');
$server->post('/plays/song/b?by=4');
my $songs = sub {
    my ($query) = @_;
    my $answer = $server->get("/metrics?format=songs&$query");
    return $answer->{status} unless $answer->{status} == 200;
    return join ',', map { "$_->{song}=$_->{count}" }
        @{ Cpanel::JSON::XS->new->utf8->decode($answer->{content})->{songs} };
};
is $songs->(''), 'ab=5,b=4,a=3', 'songs, the highest first';
is $songs->('top=2'), 'ab=5,b=4', 'the first two';
is $songs->('prefix=a'), 'ab=5,a=3', 'by prefix';
is $songs->('prefix=a&top=1'), 'ab=5', 'the highest of these';
is $songs->('zone=other'), '', 'another zone';
is $songs->('zone=none'), 404, 'one that is not there';
is $songs->('top=101'), 400, 'more than it shows';
is live('minutes=61'), 400, 'minutes out of range';

# Who gets what.
my %type = (
    'curl'            => ['*/*', 'text/plain; version=0.0.4; charset=utf-8'],
    'nothing'         => [undef, 'text/plain; version=0.0.4; charset=utf-8'],
    'Prometheus 2'    => ['application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
        'application/openmetrics-text; version=1.0.0; charset=utf-8'],
    'Prometheus 3'    => ['application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
        'application/openmetrics-text; version=1.0.0; charset=utf-8'],
    'a browser'       => ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
        'text/html; charset=utf-8'],
    'a script'        => ['application/json', 'application/json'],
);
for my $who (sort keys %type) {
    my ($accept, $want) = @{ $type{$who} };
    my $answer = $server->get('/metrics', $accept ? (headers => { Accept => $accept }) : ());
    is $answer->{headers}{'content-type'}, $want, "$who gets its format";
    is $answer->{headers}{vary}, 'Accept', 'which depends on Accept';
}
my $page = $server->get('/metrics?format=html');
like $page->{headers}{'content-security-policy'}, qr/default-src 'none'.*require-trusted-types-for 'script'/,
    'the page allows nothing but its own files';
my @files = $page->{content} =~ /"\?(file=[^"]+)"/g;
is scalar(@files), 2, 'a script and a style';
my $bytes = length $page->{content};
for my $file (@files) {
    my $answer = $server->get('/metrics?' . $file =~ s/&amp;/&/r);
    is $answer->{status}, 200, "$file is there";
    like $answer->{headers}{'cache-control'}, qr/immutable/, 'and may be kept';
    unlike $answer->{content}, qr{https?://(?!www\.w3\.org/)}, 'it loads nothing from elsewhere';
    $bytes += length $answer->{content};
}
cmp_ok $bytes, '<', 100_000, 'all of it is under 100 kB';
is $server->get('/metrics?file=../x')->{status}, 404, 'no other file';

done_testing;
