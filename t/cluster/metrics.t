# What the metrics say of a zone in a cluster, for Prometheus and as JSON: its own part, what
# the others have, whether all of the cluster is read and told, what does not fit.
use strict;
use warnings;
use Cpanel::JSON::XS;
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $redis = Playcount::Redis->new(masters => 1, cluster => 0);
my $line = 'PlaycountHandoff redis cluster=' . $redis->addresses . " interval=1\n";
my $metrics = "<Location /metrics>\nSetHandler playcount-metrics\n</Location>\n";
my ($first, $second) = map {
    Playcount::Server->new(zone_file => 1, songs => $_, config => $line . $metrics)
} 1000, 10;

sub zone { return decode_json($_[0]->get('/metrics?format=json')->{content})->{zones}[0] }

# Wait until this is true of what the JSON says of the zone.
sub becomes
{
    my ($server, $name, $is) = @_;
    my $zone;
    eval {
        Playcount::Server::wait_until($name, sub {
            $server->hang_up;
            $zone = zone($server);
            return $is->($zone) || select(undef, undef, undef, 0.1) && 0;
        });
    };
    ok $is->($zone), $name or diag encode_json($zone);
}

sub prometheus
{
    my ($server, $name) = @_;
    my ($value) = $server->get('/metrics')->{content}
        =~ /^\Qplaycount_zone_$name\E\{zone="default"\} (\d+)$/m;
    return $value;
}

$first->post('/song/a?by=5');
$second->post('/song/a?by=30');
becomes($first, 'what another server has is known', sub { $_[0]{cluster}{others_plays} == 30 });
is zone($first)->{plays}, 5, '... beside the own part';
is prometheus($first, 'plays'), 5, 'the own part for Prometheus';
is prometheus($first, 'cluster_others_plays'), 30, '... and that of the others';
becomes($first, 'all of the cluster is read', sub { $_[0]{cluster}{unread_tags} == 0 });
is prometheus($first, 'cluster_unread_tags'), 0, '... for Prometheus';
is prometheus($first, 'cluster_unfit_songs'), 0, 'everything fits';
is prometheus($first, 'cluster_forgotten_tags_total'), 0, 'nothing is forgotten';

$first->post("/song/s$_") for 1 .. 30;
becomes($second, 'songs that do not fit are counted',
    sub { $_[0]{cluster}{unfit_songs} == 21 });
is prometheus($second, 'cluster_unfit_songs'), 21, '... for Prometheus';
is $second->post('/song/a')->{content}, 36, '... and the zone goes on with what it has';
is $first->delete('/')->{content}, 'OK', 'after a clear';
becomes($second, '... none is left out', sub { $_[0]{cluster}{unfit_songs} == 0 });

$first->post('/song/a?by=7');
becomes($first, 'what is played after it is delivered',
    sub { $_[0]{handoff}{undelivered_seconds} == 0 && ($redis->totals->{a} // 0) == 7 });
$redis->ask(0, 'FLUSHALL');
becomes($first, 'the tags of an emptied Redis were forgotten, and told again',
    sub { $_[0]{cluster}{forgotten_tags} >= 1024 && ($redis->totals->{a} // 0) == 7 });

$redis->pause(0);
becomes($first, 'Redis hangs: the last round gets older, and it is a failure',
    sub { $_[0]{cluster}{round_age_seconds} > 5 && $_[0]{handoff}{failing} });
cmp_ok prometheus($first, 'cluster_round_age_seconds'), '>', 5, '... for Prometheus';
cmp_ok prometheus($first, 'handoff_failures_total'), '>', 0, '... counted';
$redis->resume(0);
becomes($first, 'when it answers again, it is young again',
    sub { $_[0]{cluster}{round_age_seconds} < 5 && !$_[0]{handoff}{failing} });

$redis->ask(0, 'SET', 'playcount:default:layout', '2 1024 16');
becomes($first, 'servers of another layout: it is a failure, which says so',
    sub { $_[0]{handoff}{failing} && $_[0]{handoff}{why} =~ /layout says "2 1024 16".*"1 1024 16"/ });
becomes($first, '... and the last round gets older', sub { $_[0]{cluster}{round_age_seconds} > 3 });
is prometheus($first, 'handoff_failing'), 1, '... for Prometheus';
is $first->post('/song/a')->{status}, 200, '... and counting goes on';
$redis->ask(0, 'SET', 'playcount:default:layout', '1 1024 16');
becomes($first, 'when they are of one again, it is young again',
    sub { $_[0]{cluster}{round_age_seconds} < 3 && !$_[0]{handoff}{failing} });

my $alone = Playcount::Server->new(songs => 10, config => $metrics);
is zone($alone)->{cluster}, undef, 'a zone in no cluster has none of that';
unlike $alone->get('/metrics')->{content}, qr/zone_cluster/, '... for Prometheus neither';
done_testing;
