# Monitoring waits for no lock: with a process that holds the lock of a zone and makes
# no progress (stopped, frozen, in a debugger), the metrics and mod_status answer.
use strict;
use warnings;
use Fcntl qw(:flock);
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(location => '/count', songs => 100,
    modules => ['status'], config => <<'EOF');
Mutex flock:logs playcount
PlaycountMetricsSongs On
<Location "/server-status">
    SetHandler server-status
</Location>
EOF
is $server->post('/count/song/1')->{status}, 200, 'a song is played';
is $server->post('/count/handoff')->{status}, 200, 'and is in an open batch';

my ($path) = glob $server->root . '/logs/playcount*';
ok $path, 'the lock is a file' or die('no lock file in ' . join ' ', glob $server->root . '/logs/*');
open my $lock, '+<', $path or die "$path: $!";
flock $lock, LOCK_EX or die $!;

# More often than there are threads.
for my $path ('/metrics', '/metrics?format=json', '/server-status?auto') {
    my $good = grep { $server->get($path)->{status} == 200 } 1 .. 20;
    is $good, 20, "$path with the lock held";
}
my ($zone) = @{ Playcount::Metrics::json($server)->{zones} };
is_deeply [@{ $zone->{handoff} }{qw(open plays batches)}], [1, 1, 0], 'the open batch is shown';
flock $lock, LOCK_UN;
is $server->post('/count/song/2')->{status}, 200, 'new songs again once it is free';

done_testing;
