package Playcount::Metrics;

# What the tests of the metrics share: a server that measures everything, has
# the handlers of t/module/mod_playcount_test.c under /test, and writes an
# access log with all items of the metrics; and its log read back.
#
#     my $server = Playcount::Metrics::server(config => '...');
#     my $entry = Playcount::Metrics::log_entry($server, sub { $server->get(...) });

use strict;
use warnings;
use File::Basename qw(dirname);
use Cwd qw(abs_path);
use Cpanel::JSON::XS ();
use Playcount::Server;

my $TOP = abs_path(dirname(__FILE__) . '/../../..');
our $TEST_MODULE = "$TOP/build/t/module/.libs/mod_playcount_test.so";

our @ITEMS = qw(method uri status route request application output blocks length
    probe note);
my $FORMAT = '%m|%U|%>s|%^Pn|%^Pr|%^Pa|%^Po|%^Pb|%^Pl|%{probe}n|'
    . '%{playcount-output-length}n';

sub server
{
    my (%option) = @_;
    my $config = delete $option{config} // '';
    my @modules = @{ delete $option{modules} // [] };
    # A name asked for by the caller and by us is loaded once.
    my %seen;
    @modules = grep { !$seen{$_}++ } @modules,
        "playcount_test_module=$TEST_MODULE";
    return Playcount::Server->new(
        location => undef,
        modules  => \@modules,
        config   => <<"EOF", %option);
PlaycountMetrics On
LogFormat "$FORMAT" measured
CustomLog logs/measured measured
<Location "/test">
    SetHandler playcount-test
</Location>
<Location "/metrics">
    SetHandler playcount-metrics
    PlaycountMetrics Off
</Location>
$config
EOF
}

# All measured lines of the log, each a hash by item.
sub entries
{
    my ($server) = @_;
    return grep { $_->{uri} ne '/metrics' } map {
        my %entry;
        @entry{@ITEMS} = split /\|/, $_, -1;
        \%entry;
    } split /\n/, Playcount::Server::slurp($server->root . '/logs/measured');
}

# Do something that makes one measured request; its line.
sub log_entry
{
    my ($server, $do) = @_;
    my $before = () = entries($server);
    $do->();
    my @now;
    Playcount::Server::wait_until('a line in the log', sub {
        @now = entries($server);
        return @now > $before;
    });
    return $now[$before];
}

sub json
{
    my ($server, $query) = @_;
    my $answer = $server->get('/metrics?format=json' . ($query ? "&$query" : ''));
    die "$answer->{status} $answer->{content}" unless $answer->{status} == 200;
    # It refuses an object with the same key twice, which others would not.
    return Cpanel::JSON::XS->new->utf8->decode($answer->{content});
}

# A route of the JSON by name; an empty one if it is not there.
sub route
{
    my ($server, $name) = @_;
    my ($route) = grep { $_->{route} eq $name } @{ json($server)->{metrics}{routes} };
    return $route || { requests => 0, in_flight => 0 };
}

1;
