# Prometheus' protobuf format, for those who ask for it: the same numbers as in the text,
# and histograms that are native ones, as Prometheus itself reads them.
use strict;
use warnings;
use File::Temp ();
use HTTP::Tiny;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(songs => 100, config => <<'EOF');
PlaycountMetricsSongs On
<Location "/count">
    SetHandler playcount
</Location>
<Location "/test">
    PlaycountRoute "%{QUERY_STRING}"
</Location>
EOF
my $asked = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
my $accept = "$asked,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

sub type_for { return $server->get('/metrics', headers => { Accept => $_[0] })->{headers}{'content-type'} }
like type_for($accept), qr{^application/vnd\.google\.protobuf; proto=io\.prometheus\.client\.MetricFamily; encoding=delimited$},
    'protobuf as Prometheus asks for it';
like type_for('application/vnd.google.protobuf, text/plain;q=0.5'), qr{^text/plain}, 'not without its parameters';
like type_for($accept =~ s/delimited/text/r), qr{^application/openmetrics}, 'nor in another encoding';
like type_for("$asked;q=0.3,text/plain"), qr{^text/plain}, 'nor if text is preferred';
like type_for('*/*'), qr{^text/plain}, 'nor for anybody';

my %sizes = (0 => 3, 1 => 2, 100 => 5, 1000 => 10, 50_000 => 4, 1_000_000 => 1);
for my $size (sort keys %sizes) {
    $server->get("/test?blocks=1&size=$size") for 1 .. $sizes{$size};
}
$server->post('/count/song/"q"%5c%20%c3%a9?by=7');

# --- reading it ---

# A message as a list of its fields: [number, value]; what is in bytes stays so.
sub fields
{
    my ($bytes) = @_;
    my ($at, @fields) = (0);
    my $varint = sub {
        my ($n, $shift) = (0, 0);
        while (1) {
            my $byte = ord substr $bytes, $at++, 1;
            $n |= ($byte & 127) << $shift;
            return $n if $byte < 128;
            $shift += 7;
        }
    };
    while ($at < length $bytes) {
        my $key = $varint->();
        my $value;
        if (($key & 7) == 0) { $value = $varint->() }
        elsif (($key & 7) == 1) { $value = unpack 'd<', substr $bytes, $at, 8; $at += 8 }
        elsif (($key & 7) == 2) { my $n = $varint->(); $value = substr $bytes, $at, $n; $at += $n }
        else { die "type of field $key" }
        push @fields, [$key >> 3, $value];
    }
    die 'cut off' if $at != length $bytes;
    return @fields;
}
sub values_of { my ($number, @fields) = @_; return map { $_->[1] } grep { $_->[0] == $number } @fields }
sub signed { my ($n) = @_; return $n & 1 ? -(($n >> 1) + 1) : $n >> 1 }

# A packed list of numbers: each as if it were a field.
sub packed
{
    my ($bytes) = @_;
    my @numbers;
    while ($bytes =~ /\G([\x80-\xff]*[\x00-\x7f])/gs) {
        my @part = map { $_ & 127 } unpack 'C*', $1;
        push @numbers, eval join '|', map { "($part[$_] << " . 7 * $_ . ')' } 0 .. $#part;
    }
    return @numbers;
}

# The families: each has its length before it.
sub families
{
    my ($bytes) = @_;
    my @families;
    while ($bytes =~ /\G([\x80-\xff]*[\x00-\x7f])/gcs) {
        my ($n) = packed($1);
        push @families, substr $bytes, pos $bytes, $n;
        pos($bytes) += $n;
    }
    return @families;
}

my $text = $server->get('/metrics?format=prometheus')->{content};
my $protobuf = $server->get('/metrics?format=protobuf')->{content};
my (%type, %sample, %native, %created);
sub moment { my @t = fields($_[0]); return sprintf '%.6f', (values_of(1, @t))[0] + ((values_of(2, @t))[0] // 0) / 1e9 }
for my $family (families($protobuf)) {
    my @family = fields($family);
    my ($name) = values_of(1, @family);
    my $type = $type{$name} = { 0 => 'counter', 1 => 'gauge', 4 => 'histogram' }->{(values_of(3, @family))[0]};
    for my $metric (values_of(4, @family)) {
        my @metric = fields($metric);
        my $labels = join ',', map { my @pair = fields($_); my $value = (values_of(2, @pair))[0];
            $value =~ s/([\\"])/\\$1/g; (values_of(1, @pair))[0] . qq(="$value") } values_of(1, @metric);
        my $with = sub { my @all = grep { length } $labels, @_; return @all ? '{' . join(',', @all) . '}' : '' };
        if ($type ne 'histogram') {
            my ($number) = values_of($type eq 'counter' ? 3 : 2, @metric);
            $sample{ $name . $with->() } = (values_of(1, fields($number)))[0];
            $created{ ($name =~ s/_total$//r) . '_created' . $with->() } = moment($_)
                for $type eq 'counter' ? values_of(3, fields($number)) : ();
            next;
        }
        my @histogram = fields((values_of(7, @metric))[0]);
        $sample{ "${name}_count" . $with->() } = $sample{ "${name}_bucket" . $with->('le="+Inf"') } =
            (values_of(1, @histogram))[0];
        $sample{ "${name}_sum" . $with->() } = (values_of(2, @histogram))[0];
        for my $bucket (map { [fields($_)] } values_of(3, @histogram)) {
            my $limit = sprintf '%.6f', (values_of(2, @$bucket))[0];
            $limit =~ s/\.?0+$//;
            $sample{ "${name}_bucket" . $with->(qq(le="$limit")) } = (values_of(1, @$bucket))[0];
        }
        $native{$name}{$labels} = \@histogram;
        $created{ "${name}_created" . $with->() } = moment($_) for values_of(15, @histogram);
    }
}

my %in_text = map { /^(\w+(?:\{.*\})?) (\S+)$/ ? ($1 => $2) : () } split /\n/, $text;
my %type_in_text = $text =~ /^# TYPE (\S+) (\S+)$/mg;
is_deeply \%type, \%type_in_text, 'the same families, of the same types';
is_deeply [sort keys %sample], [sort keys %in_text], 'the same samples';
is_deeply [grep { abs($sample{$_} - $in_text{$_}) > 1e-6 * $in_text{$_} + 1e-6 } sort keys %sample], [],
    'with the same values';

my $open = $server->get('/metrics', headers => { Accept => 'application/openmetrics-text;version=1.0.0' })->{content};
is_deeply \%created, { map { /^(\w+_created(?:\{.*\})?) (\S+)$/ ? ($1 => $2) : () } split /\n/, $open },
    'and when each began at 0, as OpenMetrics has it';

# --- native histograms ---

my $wrong = 0;
for my $name (sort keys %native) {
    for my $labels (keys %{ $native{$name} }) {
        my @h = @{ $native{$name}{$labels} };
        my ($sum) = values_of(7, @h);
        my $last = 0;
        $sum += ($last += signed($_)) for map { packed($_) } values_of(13, @h);
        my ($buckets, $counts) = (0, scalar map { packed($_) } values_of(13, @h));
        $buckets += (values_of(2, fields($_)))[0] for values_of(12, @h);
        $wrong++ if $sum != (values_of(1, @h))[0] || $buckets != $counts
            || signed((values_of(5, @h))[0]) != 3 || (values_of(6, @h))[0] != 2**-128;
    }
}
is $wrong, 0, 'the native buckets of each histogram have all of its values';

for my $size (sort { $a <=> $b } keys %sizes) {
    my @h = @{ $native{playcount_output_length_bytes}{qq(route="blocks=1&size=$size")} };
    my @spans = map { [fields($_)] } values_of(12, @h);
    if (!$size) {
        is_deeply [(values_of(7, @h))[0], scalar @spans], [3, 0], '0 bytes: in the bucket of zero';
        next;
    }
    my $number = signed((values_of(1, @{ $spans[0] }))[0]);
    ok @spans == 1 && 2**(($number - 1) / 8) < $size * 1.008 && $size <= 2**($number / 8) * 1.008,
        "$size bytes: in the bucket up to " . int 2**($number / 8);
}

# --- Prometheus ---

SKIP: {
    skip 'prometheus is not installed', 6 if system('prometheus --version > /dev/null 2>&1');
    my $dir = File::Temp->newdir('playcount-prometheus-XXXXXX', DIR => '/tmp');
    my $port = Playcount::Server::free_port();
    Playcount::Server::spew("$dir/prometheus.yml", <<"EOF");
scrape_configs:
- job_name: playcount
  scrape_interval: 1s
  metrics_path: /metrics
  static_configs:
  - targets: ['127.0.0.1:$server->{port}']
EOF
    Playcount::Process::start({ out => "$dir/log", signal => 'KILL' }, 'prometheus',
        '--enable-feature=native-histograms', "--config.file=$dir/prometheus.yml",
        "--storage.tsdb.path=$dir/data", "--web.listen-address=127.0.0.1:$port", '--log.level=warn');
    my $http = HTTP::Tiny->new(timeout => 60);
    my $ask = sub {
        my $answer = $http->get("http://127.0.0.1:$port/api/v1/query?" . $http->www_form_urlencode({ query => $_[0] }));
        my $content = eval { Cpanel::JSON::XS->new->utf8->decode($answer->{content}) } or return;
        return $content->{status} eq 'success' && @{ $content->{data}{result} }
            ? $content->{data}{result}[0]{value}[1] : undef;
    };
    my $lengths = 'sum(playcount_output_length_bytes{route=~"blocks=1.*"})';
    my $count = eval { Playcount::Server::wait_until('a native histogram', sub { $ask->("histogram_count($lengths)") }) };
    is $count, 25, 'Prometheus has all values in its native histogram' or diag Playcount::Server::slurp("$dir/log");
    is $ask->("histogram_sum($lengths)"), 2 + 500 + 10_000 + 200_000 + 1_000_000, 'and their sum';
    my $median = $ask->("histogram_quantile(0.5, $lengths)");
    cmp_ok abs($median - 1000), '<', 100, "the median is right to a tenth: $median";
    is $ask->('playcount_song_plays{zone="default"}'), 7, 'and all else';
    # The first event of a route that is known before it: an increase.
    my $first = 'playcount_requests_total{route="static",method="GET",status="4xx"}';
    is $ask->($first), 0, 'a counter is there before its first event';
    $server->get('/nothing');
    my $increase = eval { Playcount::Server::wait_until('an increase', sub { $ask->("increase(${first}[1m]) > 0") }) };
    cmp_ok $increase // 0, '>=', 1, 'which increase() sees';
}
done_testing;
