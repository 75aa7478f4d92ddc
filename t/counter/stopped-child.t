# A child that is stopped stands in nobody's way: what it did for all, another child goes on
# with, the log names it, and the metrics count it. Where there is no other, the parent says so.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $metrics = "<Location \"/metrics\">\nSetHandler playcount-metrics\n</Location>\n";
my $lonely = Playcount::Server->new(processes => 1, location => '/plays', songs => 100, config => $metrics);

sub stop_process
{
    my ($pid) = @_;
    kill 'STOP', $pid;
    Playcount::Server::wait_until('it is stopped', sub {
        return !grep { Playcount::Server::slurp($_) !~ /^State:\s+T/m } glob "/proc/$pid/task/*/status";
    });
}

# The tasks, once all of them have a process; name => what is said of it.
sub tasks
{
    my ($server) = @_;
    my %task;
    Playcount::Server::wait_until('each task has a process', sub {
        $server->hang_up;
        my $json = JSON::PP->new->utf8->decode($server->get('/metrics?format=json')->{content});
        %task = map { $_->{task} => $_ } @{ $json->{tasks} };
        return %task && !grep { !$_->{process} } values %task;
    });
    return \%task;
}

my ($child) = $lonely->children;
is tasks($lonely)->{sync}{process}, $child, 'the only child has the tasks';
stop_process($child);

my $dir = database_directory();
my $file = "$dir/plays.db";
my $server = Playcount::Server->new(
    processes => 3, zone_file => 1, songs => 1000, location => '/plays', modules => ['dbd'],
    config => $metrics . "PlaycountMetrics On\n" . sqlite_dbd($file) . "PlaycountHandoff dbd interval=1\n");
my $tasks = tasks($server);
is scalar(grep { $tasks->{$_} } 'delivery-default', 'series', 'sync'), 3, 'each task is shown';
is scalar(grep { $_->{takeovers} } values %$tasks), 0, 'none was taken from another process';
$server->post("/plays/song/$_") for 1 .. 10;
counts_ok(settle(sub { sqlite_counts($file) }, listing($server, '/plays/')), { map { $_ => 1 } 1 .. 10 }, 'plays are delivered');

# The process that delivers.
my $stopped = $tasks->{'delivery-default'}{process};
stop_process($stopped);
$server->hang_up;
$server->post("/plays/song/$_") for 1 .. 10;
ok $server->wait_for_log(qr/the task delivery-default: process $stopped has not moved for 10 s, this one goes on with it/),
    'the log names the stopped child';
my %twice = map { $_ => 2 } 1 .. 10;
counts_ok(settle(sub { sqlite_counts($file) }, \%twice), \%twice, 'another child delivers');
$tasks = tasks($server);
isnt $tasks->{'delivery-default'}{process}, $stopped, 'which the metrics show';
is $tasks->{'delivery-default'}{takeovers}, 1, 'and count';
like $server->get('/metrics?format=prometheus')->{content},
    qr/^playcount_task_takeovers_total\{task="delivery-default"\} 1$/m, 'for Prometheus too';

kill 'CONT', $stopped;
$server->hang_up;
$server->post("/plays/song/$_") for 1 .. 10;
my %thrice = map { $_ => 3 } 1 .. 10;
counts_ok(settle(sub { sqlite_counts($file) }, \%thrice), \%thrice, 'once it goes on, each play is delivered once');
isnt tasks($server)->{'delivery-default'}{process}, $stopped, 'it has no turn any more';
$server->kill9_child(tasks($server)->{sync}{process});
tasks($server);
pass 'the task of a child that was killed goes on too';
unlike $server->error_log, qr/not delivered|Segmentation/, 'nothing failed';

ok $lonely->wait_for_log(qr/the task sync stands still: process $child, whose turn it is, has not moved for \d+ s, and no other goes on/),
    'where there is no other child, the parent says so';
kill 'CONT', $child;
is $lonely->post('/plays/song/1')->{content}, '1', 'it goes on';
done_testing;
