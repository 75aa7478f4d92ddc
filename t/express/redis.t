# --redis: two servers that name the same Redis show one count.
use strict;
use warnings;
use Test::More;
use Playcount::Express;
use Playcount::Redis;

plan skip_all => 'redis-server is not installed' unless Playcount::Express::has('redis-server');

my $redis = Playcount::Redis->new(masters => 1, cluster => 0);
my @servers = map { Playcount::Express->new } 1, 2;
for my $express (@servers) {
    my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
        '--processes', 2, '--redis', $redis->addresses);
    is $status, 0, 'a server' or diag $output;
}
$servers[0]->post('/song/1?by=3');
$servers[1]->post('/song/1?by=4');
for my $express (@servers) {
    ok Playcount::Server::wait_until('the count of both',
        sub { $express->get('/song/1')->{content} eq '7' }), 'the count of both';
}

done_testing;
