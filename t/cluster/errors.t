# What Redis refuses for a while, each in its way: the log says what it answers and what can
# be done, counting goes on, nothing is written halfway, and afterwards all is delivered.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $redis = Playcount::Redis->new(masters => 1, cluster => 0, config => {
    'busy-reply-threshold' => 200, 'loading-process-events-interval-bytes' => 1024 });
my $server = Playcount::Server->new(zone_file => 1, songs => 10_000,
    config => 'PlaycountHandoff redis cluster=' . $redis->addresses . ' interval=1');

sub arrives
{
    my ($name) = @_;
    my $wanted = listing($server, '/?local=1');
    counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, $name);
    counts_ok($redis->own, $wanted, '... and so is what the server told');
}

sub play
{
    my $answer = $server->post('/songs', content => join(',', map { "song-$_=1" } 1 .. 500),
        headers => { 'Content-Type' => 'text/plain' });
    is $answer->{status}, 200, '... counting goes on';
}

# While this lasts, so it says.
sub refused
{
    my ($name, $begin, $says, $end) = @_;
    my $before = length $server->error_log;
    $begin->();
    pass $name;
    play();
    Playcount::Server::wait_until("$says in the log", sub {
        return substr($server->error_log, $before) =~ $says || select(undef, undef, undef, 0.1) && 0;
    });
    pass "... the log says what";
    $end->();
    arrives('... and afterwards it is delivered');
}

sub set { my (@words) = @_; return sub { $redis->ask(0, 'CONFIG', 'SET', @words) } }

play();
arrives('before');
refused('a node that is full', set(maxmemory => '1mb'),
    qr/answers "OOM .*: the node is full; give it a larger maxmemory/, set(maxmemory => 0));
refused('too few replicas', set('min-replicas-to-write' => 1),
    qr/answers "NOREPLICAS .*: too few replicas; see min-replicas-to-write/, set('min-replicas-to-write' => 0));
refused('a replica', sub { $redis->ask(0, 'REPLICAOF', '127.0.0.1', 1) },
    qr/answers "READONLY .*: the node is no master/, sub { $redis->ask(0, 'REPLICAOF', 'NO', 'ONE') });
refused('a replica without its master',
    sub { set('replica-serve-stale-data' => 'no')->(); $redis->ask(0, 'REPLICAOF', '127.0.0.1', 1) },
    qr/MASTERDOWN .*: the node has lost its master/, sub { $redis->ask(0, 'REPLICAOF', 'NO', 'ONE') });

# A script without an end, until it is killed.
my $busy = $redis->connect_to(0);
refused('a script that runs for ever',
    sub { print {$busy} "EVAL \"while true do end\" 0\r\n"; $busy->flush },
    qr/answers .*"BUSY .*: a script is running there; see SCRIPT KILL/, sub { $redis->ask(0, 'SCRIPT', 'KILL') });
close $busy;

# It reads its data slowly.
refused('a node that is killed, and reads its data', sub {
    $redis->ask(0, 'SAVE');
    $redis->kill9(0);
    $redis->{config}{'key-load-delay'} = 5000;
}, qr/broke|cannot be reached/, sub {
    my $before = length $server->error_log;
    $redis->start(0); # comes back when it has them
    like substr($server->error_log, $before), qr/LOADING .*: the node is reading its data/, '... as it says';
});
done_testing;
