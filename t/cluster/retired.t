# A server that is gone for good: its file is put where another httpd serves it for a
# while, as the manual says. When the named metrics are 0, all that it counted is in the
# totals, once, also what it never delivered; then the file may go.
use strict;
use warnings;
use File::Copy qw(copy);
use FindBin;
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my ($says) = Playcount::Server::slurp("$FindBin::Bin/../../docs/cluster.md")
    =~ /\*\*A server gone for good\*\*(.*?)\n- /s;
my @metrics = $says =~ /`(playcount_zone_\w+)`/g;
is scalar @metrics, 3, "the manual names @metrics";

my $redis = Playcount::Redis->new(masters => 1, cluster => 0, config => { appendonly => 'yes' });
my $config = 'PlaycountHandoff redis cluster=' . $redis->addresses . " interval=1\n"
    . "<Location /metrics>\nSetHandler playcount-metrics\n</Location>\n";
my ($gone, $stays) = map { Playcount::Server->new(zone_file => 1, songs => 10_000, config => $config) } 1, 2;

sub arrives
{
    my ($wanted, $name) = @_;
    counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, $name);
}

sub is_done
{
    my ($server) = @_;
    $server->hang_up;
    my $text = $server->get('/metrics')->{content};
    return @metrics == grep { $text =~ /^$_\S* 0$/m } @metrics;
}

sub serve_file
{
    my ($name) = @_;
    my $server = Playcount::Server->new(zone_file => 1, songs => 10_000, config => $config, start => 0);
    copy($gone->zone_file, $server->zone_file) or die "copy: $!\n";
    $server->start;
    ok !is_done($server), "$name: while Redis is away, the metrics say so";
    return $server;
}

$gone->post('/song/both?by=5');
$gone->post('/song/delivered?by=2');
$stays->post('/song/both?by=30');
arrives({ both => 35, delivered => 2 }, 'two servers');
$redis->kill9(0);
$gone->post('/song/both?by=100');
$gone->post("/song/never-$_") for 1 .. 500;
$gone->kill9_all;

my $other = serve_file('the file elsewhere');
$redis->start(0);
Playcount::Server::wait_until('it is done', sub { is_done($other) || select(undef, undef, undef, 0.1) && 0 });
my %wanted = (both => 135, delivered => 2, map { ("never-$_" => 1) } 1 .. 500);
counts_ok($redis->totals, \%wanted, 'when they are 0, the totals have all, once');
$other->stop;
$stays->post('/song/both');
$wanted{both}++;
arrives(\%wanted, 'the others go on');
counts_ok(settle(sub { $stays->hang_up; listing($stays) }, \%wanted), \%wanted, '... and show all');

# The same file once more, as if nobody knew that it was done: nothing counts twice.
$redis->kill9(0);
my $again = serve_file('the file a second time');
$redis->start(0);
Playcount::Server::wait_until('it is done', sub { is_done($again) || select(undef, undef, undef, 0.1) && 0 });
counts_ok($redis->totals, \%wanted, '... and nothing is added twice');
done_testing;
