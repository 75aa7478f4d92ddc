# The text for Prometheus: promtool finds nothing wrong with it, whatever the
# labels hold; OpenMetrics when it is asked for; the zones with it.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(
    songs => 100,
    config => <<'EOF');
PlaycountMetricsSongs On
PlaycountZone second songs=10
<Location "/count">
    SetHandler playcount
</Location>
<Location "/test">
    PlaycountRoute "%{QUERY_STRING}"
</Location>
EOF

my %text = (plain => $server->get('/metrics'));
$server->get('/test?blocks=3&size=1000') for 1 .. 5;
$server->get('/test?blocks=1&before=30');
$server->get('/test?"quoted"\\back%0aslash{x="y"}');
$server->get("/test?\xff\xfe" . 'long' x 1000);
$server->post("/count/song/$_?by=$_") for 1 .. 20;
$server->post('/count/song/"q"%5c%20%c3%a9');
$text{plain} = $server->get('/metrics');
$text{open} = $server->get('/metrics', headers => { Accept =>
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1' });
is $text{plain}{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8',
    'plain text without Accept';
like $text{open}{headers}{'content-type'}, qr{^application/openmetrics-text; version=1\.0\.0},
    'OpenMetrics as Prometheus asks for it';
is $server->get('/metrics', headers => { Accept => 'text/plain' })->{headers}{'content-type'},
    $text{plain}{headers}{'content-type'}, 'plain text as curl and older ones ask for it';
is $server->get('/metrics', headers => { Accept => 'application/json' })->{headers}{'content-type'},
    'application/json', 'JSON for those who accept that';
is $server->get('/metrics?format=xml')->{status}, 400, 'an unknown format: 400';
is $server->post('/metrics')->{status}, 405, 'POST: 405';
is $server->request('HEAD', '/metrics')->{status}, 200, 'HEAD: 200';

my $temp = File::Temp->new;
print $temp $text{plain}{content};
close $temp;
my $said = `promtool check metrics < $temp 2>&1`;
is $?, 0, 'promtool finds it right';
is $said, '', 'and has no advice';

# By our own reading: every sample belongs to the family before it.
for my $form (qw(plain open)) {
    my $content = $text{$form}{content};
    my ($family, $type, %types, $stray, %sample) = ('', '');
    for my $line (split /\n/, $content) {
        if ($line =~ /^# TYPE (\S+) (\S+)$/) {
            ($family, $type) = ($1, $2);
            $stray .= "twice $family\n" if $types{$family}++;
        }
        elsif ($line =~ /^# (?:HELP|UNIT) (\S+) / || $line eq '# EOF') { next }
        elsif ($line =~ /^(\w+)((?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})?) (-?[\d.]+)$/) {
            my ($name, $labels, $value) = ($1, $2, $3);
            my $created = $form eq 'open' ? '|_created' : '';
            my $suffix = $type eq 'histogram' ? "(?:_bucket|_sum|_count$created)"
                : $type eq 'counter' && $form eq 'open' ? "(?:_total$created)" : '';
            $stray .= "$line\n" unless $name =~ /^\Q$family\E$suffix$/;
            $stray .= "again $line\n" if exists $sample{"$name$labels"};
            $sample{"$name$labels"} = $value;
        }
        else { $stray .= "not read: $line\n" }
    }
    is $stray, undef, "$form: every line is in its family, each sample once";
    my $route = '{route="blocks=3&size=1000"';
    is $sample{"playcount_requests_total$route,method=\"GET\",status=\"2xx\",outcome=\"complete\"}"}, 5,
        "$form: requests by route, method, status and outcome";
    is $sample{"playcount_output_length_bytes_sum$route}"}, 15000, "$form: sums";
    is $sample{"playcount_output_blocks_count$route}"}, 5, "$form: counts";
    my $dot = $form eq 'open' ? '.0' : '';
    is $sample{"playcount_output_blocks_bucket$route,le=\"2$dot\"}"}, 0, "$form: buckets below";
    is $sample{"playcount_output_blocks_bucket$route,le=\"5$dot\"}"}, 5, "$form: and above";
    is $sample{"playcount_request_time_seconds_bucket{route=\"blocks=1&before=30\",le=\"0.025\"}"}, 0,
        "$form: times in seconds";
    is $sample{"playcount_request_time_seconds_bucket{route=\"blocks=1&before=30\",le=\"+Inf\"}"}, 1,
        "$form: all of them in the last bucket";
    is $sample{'playcount_zone_songs{zone="default"}'}, 21, "$form: songs of a zone";
    is $sample{'playcount_zone_plays{zone="default"}'}, 211, "$form: its plays";
    is $sample{'playcount_zone_capacity_songs{zone="second"}'}, 10, "$form: capacity of another";
    is $sample{'playcount_song_plays{zone="default",song="20"}'}, 20, "$form: the highest songs";
    is $sample{"playcount_song_plays{zone=\"default\",song=\"\\\"q\\\"\\\\ \xc3\xa9\"}"}, 1,
        "$form: with their ids escaped";
    cmp_ok length((sort { length $b <=> length $a } map { /route="([^"]*)/ ? $1 : () }
        split /\n/, $content)[0]), '<=', 63, "$form: long labels are cut";
}
# When each began at 0, for a Prometheus that reads it: so it sees the first event of a route
# that appears with it.
{
    my %created = map { /^playcount_requests_created\{(route=.*)\} (\d+\.\d+)$/ ? ($1 => $2) : () }
        split /\n/, $text{open}{content};
    my ($started) = $text{open}{content} =~ /^playcount_start_time_seconds (\d+\.\d+)$/m;
    my %counters = map { /^playcount_requests_total\{(route=.*)\} \d+$/ ? ($1 => 1) : () }
        split /\n/, $text{open}{content};
    is_deeply [sort keys %created], [sort keys %counters], 'every counter of requests has it';
    my $cell = 'method="GET",status="2xx",outcome="complete"';
    is $created{"route=\"other\",$cell"}, $started, '"other" began with the server';
    cmp_ok $created{"route=\"blocks=3&size=1000\",$cell"}, '>', $started, 'a route with its first request';
    my ($histogram) = $text{open}{content}
        =~ /^playcount_request_time_seconds_created\{route="blocks=3&size=1000"\} (\S+)$/m;
    is $histogram, $created{"route=\"blocks=3&size=1000\",$cell"}, 'so did its histograms';
    unlike $text{plain}{content}, qr/_created/, 'the plain text has no word for it';
}

like $text{plain}{content}, qr/^playcount_build_info\{version="\d+\.\d+\.\d+",httpd="2\.4\.\d+"\} 1$/m,
    'the versions';
my ($began) = $text{plain}{content} =~ /^playcount_start_time_seconds (\d+)\.\d+$/m;
ok $began && $began <= time && $began > time - 600, 'the time when counting began';
like $text{open}{content}, qr/# EOF\n\z/, 'OpenMetrics ends with EOF';
like $text{open}{content}, qr/^# TYPE playcount_requests counter$/m,
    'its counters are named without _total';

# What is known of a route from the beginning is there with 0, before its first request:
# a counter that begins with its first event is not seen to increase by it.
my $fresh = Playcount::Metrics::server(config => <<'EOF');
PlaycountBuckets 20
<Location "/test/known">
    PlaycountRoute "known"
</Location>
<Location "/test/later">
    PlaycountRoute "%{QUERY_STRING}"
</Location>
<FilesMatch "\\.php$">
    SetHandler proxy:fcgi://127.0.0.1:1/
</FilesMatch>
<Location "/off">
    PlaycountMetrics Off
    SetHandler unmeasured
</Location>
<Location "/plain">
    SetHandler default-handler
</Location>
<Location "/chosen">
    SetHandler "at %{REQUEST_URI}"
</Location>
EOF
my $samples = sub {
    my ($route) = @_;
    return { map { /^playcount_requests_total\{route="\Q$route\E",method="(\w+)",status="(\w+)",outcome="(\w+)"\} (\d+)$/
        ? ("$1 $2 $3" => $4) : () } split /\n/, $fresh->get('/metrics')->{content} };
};
my %expected = map { my $m = $_; map { ("$m $_" => 0) } '2xx complete', '2xx aborted', '2xx error',
    '3xx complete', '4xx complete', '5xx error' } qw(GET POST);
is_deeply $samples->('known'), \%expected, 'the common cells of a configured route are 0';
is_deeply $samples->('other'), \%expected, 'and those of "other"';
is_deeply $samples->($_), \%expected, "and those of $_, which a SetHandler or a file may have"
    for 'playcount-test', 'static', 'proxy:fcgi://127.0.0.1:1/';
is_deeply $samples->($_), {}, "but not of $_" for 'playcount-metrics', 'unmeasured', 'default-handler', 'at %{REQUEST_URI}';
is_deeply Playcount::Metrics::json($fresh)->{metrics}{routes}, [], 'the JSON has routes that were used';
$fresh->get('/test/known?return=500');
$fresh->request('PUT', '/test/later?x');
Playcount::Server::wait_until('both', sub { $samples->('x')->{'PUT 2xx complete'} });
is $samples->('known')->{'GET 5xx error'}, 1, 'the first error is an increase';
is $samples->('x')->{'PUT 5xx error'}, 0, 'a method that came has its common cells, too';

# With several virtual hosts each has its own.
{
    my $hosts = Playcount::Metrics::server(config => <<'EOF');
<VirtualHost *:@port@>
    ServerName one.example
    <Directory "@root@/htdocs/app">
        SetHandler "app-handler"
    </Directory>
</VirtualHost>
<VirtualHost *:@port@>
    ServerName two.example
    PlaycountRoute "two"
</VirtualHost>
EOF
    my $content = $hosts->get('/metrics')->{content};
    my %known = map { /^playcount_requests_in_flight\{route="(.*)"\}/ ? ($1 => 1) : () } split /\n/, $content;
    is_deeply [sort grep { /example|^two/ } keys %known],
        ['one.example/app-handler', 'one.example/playcount-test', 'one.example/static', 'two'],
        'virtual hosts have theirs before the first request';
}

# The limits of times: so many in each power of ten.
my @limits = map { /^playcount_request_time_seconds_bucket\{route="known",le="([\d.]+)"/ ? $1 : () }
    split /\n/, $fresh->get('/metrics')->{content};
is scalar(grep { $_ >= 0.001 && $_ < 0.01 } @limits), 20, 'PlaycountBuckets 20';
is "$limits[0] $limits[1] $limits[-1]", '0.0001 0.00011 60', 'from 100 us to a minute';
is join(' ', grep { $_ >= 0.01 && $_ <= 0.1 }
    map { /^playcount_request_time_seconds_bucket\{route="other",le="([\d.]+)"/ ? $1 : () }
    split /\n/, $text{plain}{content}), '0.01 0.016 0.025 0.04 0.063 0.1', 'five by default';

done_testing;
