# contrib/ for Prometheus and Grafana: what is right about it is said by promtool and by a
# real Prometheus, which scrapes a server with it, follows its rules, and answers each
# query of the dashboard.
use strict;
use warnings;
use Test::More;
use File::Copy qw(copy);
use File::Temp ();
use HTTP::Tiny;
use Cpanel::JSON::XS ();
use POSIX ();
use Time::HiRes qw(sleep);
use Playcount::Metrics;
use Playcount::Server;

for my $tool (qw(promtool prometheus)) {
    plan skip_all => "no $tool" if system("command -v $tool > /dev/null") != 0;
}
my $json = Cpanel::JSON::XS->new->utf8;

# --- by itself ---

is qx(promtool check config contrib/prometheus.yml > /dev/null 2>&1; echo \$?), "0\n",
    'the scrape job is valid';
my $said = qx(promtool check rules --lint-fatal contrib/prometheus.rules.yml 2>&1);
is $?, 0, 'the rules are valid' or diag $said;
$said = qx(promtool test rules t/packages/prometheus-rules.yml 2>&1);
is $?, 0, 'each alert fires when it should and only then' or diag $said;

my $rules = Playcount::Server::slurp('contrib/prometheus.rules.yml');
my $cases = Playcount::Server::slurp('t/packages/prometheus-rules.yml');
for my $alert ($rules =~ /- alert: (\w+)/g) {
    my @expected = $cases =~ /alertname: $alert\n\s*exp_alerts:( \[\])?/g;
    ok 2 <= @expected && grep({ !defined } @expected) && grep({ defined } @expected),
        "$alert has a case in which it fires and one in which it does not";
}

# --- with a server ---

my $server = Playcount::Metrics::server(songs => 10, config => <<'EOF');
PlaycountMetricsSongs On
PlaycountMedia On
PlaycountRecorder records
PlaycountRoutes 4
<Location "/count">
    SetHandler playcount
</Location>
<Location "/test">
    PlaycountRoute "%{QUERY_STRING}"
</Location>
EOF
$server->post('/count/song/' . $_) for 1 .. 9;
$server->get('/test?blocks=3&size=1000');
my $scrape = $server->get('/metrics')->{content};
my %exported = map { $_ => 1 } $scrape =~ /^(playcount_\w+)/mg;

sub strangers
{
    my ($text) = @_;
    # Not recorded ones, which have a colon on either side, and no labels.
    my %seen = map { $_ => 1 } $text =~ /(?<![:\w])(playcount_\w+)(?![:\w])/g;
    return [grep { !$exported{$_} } sort keys %seen];
}

is_deeply strangers($rules), [], 'the rules name metrics that there are';
is_deeply strangers($cases), [], 'so do their cases';
my $text = Playcount::Server::slurp('contrib/grafana.json');
my $dashboard = $json->decode($text);
is_deeply strangers($text), [], 'so does the dashboard';
my %title = map { $_->{title} => 1 } @{ $dashboard->{panels} };
my @charts = map { Playcount::Server::slurp($_) =~ /new Chart\('\w+', '([^']+)'/g } glob 'metrics/page/*.js';
cmp_ok scalar @charts, '>', 5, 'the live page has charts';
is_deeply [grep { !$title{$_} } @charts], [], 'the dashboard has all of them';

# --- by a real Prometheus ---

my $dir = File::Temp->newdir('playcount-prometheus-XXXXXX', DIR => '/tmp');
my $port = Playcount::Server::free_port();
(my $config = Playcount::Server::slurp('contrib/prometheus.yml')) =~ s/127\.0\.0\.1:80/127.0.0.1:$server->{port}/
    or die 'no target';
Playcount::Server::spew("$dir/prometheus.yml", "global: {scrape_interval: 1s, evaluation_interval: 1s}\n$config");
copy('contrib/prometheus.rules.yml', "$dir/prometheus.rules.yml") or die "prometheus.rules.yml: $!";
Playcount::Process::start({ out => "$dir/log", signal => 'KILL' }, 'prometheus',
    "--config.file=$dir/prometheus.yml", "--storage.tsdb.path=$dir/data",
    "--web.listen-address=127.0.0.1:$port", '--log.level=warn');
my $http = HTTP::Tiny->new(timeout => 60);

# The samples of a query; undef while Prometheus does not answer or refuses it.
sub ask
{
    my ($query) = @_;
    my $answer = $http->get("http://127.0.0.1:$port/api/v1/query?" . $http->www_form_urlencode({ query => $query }));
    my $content = eval { $json->decode($answer->{content}) } or return;
    return $content->{status} eq 'success' ? $content->{data}{result} : undef;
}

# Rates need two samples with requests between them.
Playcount::Server::wait_until('a rate in Prometheus', sub {
    $server->get('/test?blocks=3&size=1000');
    $server->get('/test?return=500');
    sleep 0.2;
    return @{ ask('rate(playcount_requests_total{outcome="error"}[1m]) > 0') // [] };
});
my %variable = ('$__rate_interval' => '1m', '$__range' => '1h', '$instance' => '.*',
    '$route' => '.*', '$zone' => '.*');
for my $panel (@{ $dashboard->{panels} }) {
    my @missing;
    for my $target (@{ $panel->{targets} }) {
        (my $query = $target->{expr}) =~ s/(\$\w+)/$variable{$1} \/\/ $1/ge;
        push @missing, $query unless @{ ask($query) // [] };
    }
    is_deeply \@missing, [], "$panel->{title}: each query has an answer";
}
# The variables' values, and the starts, of which one that nobody saw the time before is none.
for my $variable (grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} }) {
    my ($query, $label) = $variable->{query}{query} =~ /^label_values\((.*), (\w+)\)$/;
    $query =~ s/(\$\w+)/$variable{$1} \/\/ $1/ge;
    ok scalar(grep { length($_->{metric}{$label} // '') } @{ ask($query) // [] }), "\$$variable->{name} has values";
}
for my $annotation (@{ $dashboard->{annotations}{list} }) {
    (my $query = $annotation->{expr}) =~ s/(\$\w+)/$variable{$1} \/\/ $1/ge;
    ok $query =~ s/ > 0$// && @{ ask($query) // [] }, "$annotation->{name}: the query has an answer";
}
for my $record ($rules =~ /- record: (\S+)/g) {
    Playcount::Server::wait_until("a value of $record", sub { @{ ask($record) // [] } });
    pass "$record is recorded";
}
is ask('instance_zone:playcount_zone_songs:ratio')->[0]{value}[1], '0.9', 'with the right value';
my $down = $http->get("http://127.0.0.1:$port/api/v1/rules")->{content};
unlike $down, qr/"health":"err"/, 'no rule fails';

done_testing;
