# A zone in memory takes its memory as songs come, or all of it at the start.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

# kB of shared memory that the parent has touched.
sub shared
{
    my ($server) = @_;
    return Playcount::Server::slurp('/proc/' . $server->pid . '/status') =~ /^RssShmem:\s+(\d+) kB/m ? $1 : undef;
}

my $songs = 20_000;
my $most = 330 * $songs / 1024;
my $lazy = Playcount::Server->new(songs => $songs, config => 'PlaycountIdempotency 0');
plan skip_all => 'no RssShmem in /proc' unless defined shared($lazy);
cmp_ok shared($lazy), '<', $most / 2, 'as songs come';
my $reserved = Playcount::Server->new(songs => "$songs memory=reserve", config => 'PlaycountIdempotency 0');
cmp_ok shared($reserved), '>=', $most, 'all of it at the start';
is $reserved->post('/song/1')->{content}, '1', 'and it counts';
$reserved->graceful;
is $reserved->post('/song/1')->{content}, '2', 'over a graceful restart';
done_testing;
