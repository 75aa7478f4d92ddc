# A consumer that fetches batches over HTTP, and keeps the number of the last one
# in one transaction with its counts. It is killed at random, and so is the server:
# in the end it has every acknowledged play, once.
use strict;
use warnings;
use Test::More;
use HTTP::Tiny;
use POSIX ();
use Time::HiRes qw(sleep);
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Server;

my $rounds = rounds(10);
my $dir = database_directory();
my $file = "$dir/consumer.db";
sqlite_make($file, 'CREATE TABLE playcount (song TEXT PRIMARY KEY, plays INTEGER);'
    . 'CREATE TABLE last (batch INTEGER); INSERT INTO last VALUES (0);');
my $server = Playcount::Server->new(zone_file => 1, songs => 1000);

# What docs/handoff.md tells a consumer to do.
sub consume
{
    my $http = HTTP::Tiny->new(timeout => 10);
    my $batch = $http->post($server->url('/handoff'));
    return $batch->{status} if $batch->{status} != 200;
    my $number = $batch->{headers}{'playcount-batch'};
    my $last = sqlite($file, 'SELECT batch FROM last') + 0;
    if ($last < $number) {
        open my $to, '|-', 'sqlite3', '-bail', $file or die $!;
        print {$to} "BEGIN IMMEDIATE;\nUPDATE last SET batch = $number;\n";
        if ($last <= $batch->{headers}{'playcount-previous'}) {
            for (split /,/, $batch->{content}) {
                my ($song, $plays) = split /=/;
                print {$to} "INSERT INTO playcount VALUES ('$song', $plays) "
                    . "ON CONFLICT (song) DO UPDATE SET plays = plays + $plays;\n";
            }
        }
        print {$to} "COMMIT;\n";
        close $to or return 0;
    }
    return $http->delete($server->url("/handoff/$number"))->{status};
}

sub start_consumer
{
    my $pid = fork // die $!;
    if ($pid == 0) {
        setpgrp;
        while (1) { eval { consume() }; sleep rand 0.02 }
    }
    return $pid;
}

sub kill_consumer
{
    my ($pid) = @_;
    kill 'KILL', -$pid, $pid;
    waitpid $pid, 0;
    # Its sqlite3 too: only then is what it has done over.
    Playcount::Server::wait_until('its end', sub {
        !grep { $_->{group} == $pid } Playcount::Server::processes() });
}

my $load = Playcount::Load->start($server);
my $consumer = start_consumer();
for my $round (1 .. $rounds) {
    nap(0.1, 0.5);
    kill_consumer($consumer);
    if ($round % 3 == 0) {
        $server->kill9_all;
        $server->start;
    }
    $consumer = start_consumer();
}
nap(0.1, 0.3);
kill_consumer($consumer);
my $played = $load->stop;
my $zone = listing($server);
my $status;
1 while ($status = consume()) == 200;
is $status, 204, 'nothing is left to hand over';
bounds_ok($zone, $played, "the zone has each play once after $rounds kills");
counts_ok(sqlite_counts($file), $zone, 'and so has the consumer');
cmp_ok sqlite($file, 'SELECT batch FROM last'), '>', 0, 'which got batches';
done_testing;
