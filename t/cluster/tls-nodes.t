# A cluster that is talked to by TLS alone: nodes are found at their TLS ports, after a
# failover and when slots move too, and two servers show each other's plays.
use strict;
use warnings;
use Test::More;
use Playcount::Certificates;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $made = Playcount::Certificates->new('ours');
my $config = 'PlaycountHandoff redis cluster=%s interval=1 tls=' . $made->file('ours.pem')
    . ' tls-cert=' . $made->file('server.pem') . ' tls-key=' . $made->file('server.key');
$made->certify(ours => 'server', names => 'DNS:server.example');
my $probe = Playcount::Server->new(start => 0, config => sprintf $config, '127.0.0.1:1');
plan skip_all => 'this build has no TLS to Redis' if ($probe->refusal // '') =~ /this build has no TLS/;

$made->certify(ours => 'node', names => 'IP:127.0.0.1');
my $redis = Playcount::Redis->new(masters => 3, replicas => 1, tls => {
    'tls-ca-cert-file' => $made->file('ours.pem'), 'tls-cert-file' => $made->file('node.pem'),
    'tls-key-file' => $made->file('node.key') });
my @servers = map { Playcount::Server->new(zone_file => 1, songs => 1000,
    config => sprintf $config, $redis->address(0) . ',' . $redis->address(1)) } 0, 1;
my %wanted;

sub plays
{
    my ($name) = @_;
    for my $i (1 .. 40) {
        $servers[$i % 2]->hang_up;
        $servers[$i % 2]->post("/song/$name-$i");
        $wanted{"$name-$i"}++;
        $servers[$i % 2]->post('/song/all');
        $wanted{all}++;
    }
    counts_ok(settle(sub { $redis->totals }, \%wanted), \%wanted, "$name: delivered");
    for my $server (@servers) {
        counts_ok(settle(sub { $server->hang_up; listing($server) }, \%wanted), \%wanted,
            "$name: each server shows all");
    }
}

plays('new');
my ($slot) = $redis->tag_slots(0);
$redis->move_slot($slot, 0, 1);
plays('moved');
$redis->kill9(2);
plays('failover');
$redis->start(2);
$redis->settle;
plays('back');
my %ports = map { $redis->address($_) => 1 } 0 .. 5;
is scalar(grep { my $log = $_->error_log; grep { !$ports{$_} } $log =~ /(127\.0\.0\.1:\d+) cannot/g } @servers),
    0, 'no port without TLS was tried';
done_testing;
