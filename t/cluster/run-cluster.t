# A cluster to play with, all of it by one command: what one server counts the others show,
# a part that is killed can be started again, and Ctrl-C stops everything, also in the
# middle of a start. What has been counted is there at the next start, on other ports, too.
use strict;
use warnings;
use File::Temp ();
use FindBin;
use HTTP::Tiny;
use POSIX ();
use Test::More;
use Playcount::Ports qw(free_port);
use Playcount::Process;
use Playcount::Server;

my $temp = File::Temp->newdir('playcount-run-XXXXXX', DIR => '/tmp');
chmod 0755, "$temp";
my $program = "$FindBin::Bin/../../tools/run-cluster";
my ($port, $redis) = (free_port(4), free_port(6, 10_000));

sub command
{
    my ($command, @words) = @_;
    return ($^X, $program, $command, '--directory', "$temp/cluster", '--port', $port,
        '--redis-port', $redis, @words);
}

sub start
{
    unlink "$temp/output";
    my $pid = Playcount::Process::start({ out => "$temp/output" }, command('start'));
    Playcount::Server::wait_until('the cluster serves', sub {
        my $output = Playcount::Server::slurp("$temp/output");
        die "run-cluster: $output" if waitpid($pid, POSIX::WNOHANG) == $pid;
        return $output =~ /stops it/ || select(undef, undef, undef, 0.1) && 0;
    });
    return $pid;
}

sub status { my @command = command('status'); return `@command` }
END { local $?; $program && system command('stop') }

my $http = HTTP::Tiny->new(timeout => 60);
sub url { my ($server, $path) = @_; return 'http://127.0.0.1:' . ($port + $server) . $path }

sub shows
{
    my ($server, $wanted, $name) = @_;
    my $last = '';
    eval {
        Playcount::Server::wait_until($name, sub {
            $last = $http->get(url($server, '/song/a%2Fb'))->{content};
            return $last eq $wanted || select(undef, undef, undef, 0.1) && 0;
        });
    };
    is $last, $wanted, $name;
}

# The first start is interrupted as soon as the nodes hear of each other.
{
    my $pid = Playcount::Process::start({ out => "$temp/interrupted" }, command('start'));
    Playcount::Server::wait_until('two nodes know each other', sub {
        my $known = `redis-cli -p $redis CLUSTER INFO 2>&1`;
        return $known =~ /cluster_known_nodes:[2-6]/ || select(undef, undef, undef, 0.05) && 0;
    });
    kill 'INT', -$pid;
    waitpid $pid, 0;
    is $? >> 8, 0, 'Ctrl-C in the middle of the first start';
    unlike status(), qr/ runs/, '... stops what runs already';
}
my $pid = start();
is scalar(() = status() =~ / runs/g), 10, 'ten parts run';
my %by;
for (1 .. 9) {
    my $answer = $http->post(url(0, '/song/a%2Fb'));
    is $answer->{status}, 200, 'a play through the balancer';
    $by{ $answer->{headers}{'playcount-server'} // '' }++;
}
is join(' ', sort keys %by), 'server-1 server-2 server-3', 'each server has counted some';
shows($_, 9, "server $_ shows all") for 1 .. 3;

my ($redis_1) = grep { (readlink("/proc/$_/cwd") // '') eq "$temp/cluster/redis-1" }
    map { m{(\d+)} } glob '/proc/[0-9]*';
kill 'KILL', $redis_1;
Playcount::Server::wait_until('a failover', sub {
    return status() =~ /redis-1 +port \d+  does not run/
        && 3 == (() = status() =~ /a master/g) || select(undef, undef, undef, 0.2) && 0;
});
is $http->post(url(0, '/song/a%2Fb'))->{status}, 200, 'a master is killed: counting goes on';
is system(command('start', 'redis-1')), 0, 'it is started again';
like status(), qr/redis-1 +port \d+  runs/, '... and runs';
shows($_, 10, "server $_ shows all") for 1 .. 3;

kill 'INT', -$pid;
waitpid $pid, 0;
is $? >> 8, 0, 'Ctrl-C stops it';
like Playcount::Server::slurp("$temp/output"), qr/Stopped\.\n\z/, '... as it says';
unlike status(), qr/ runs/, '... every part of it';

($port, $redis) = (free_port(4), free_port(6, 10_000));
$pid = start();
shows(1, 10, 'what was counted is there after a stop, on other ports');
is system(command('stop')), 0, 'another terminal stops it, too';
unlike status(), qr/ runs/, '... every part of it';
waitpid $pid, 0;
is $? >> 8, 0, '... and the first one ends';
done_testing;
