# A Redis Cluster whose default user may do nothing: a user with the rights that
# docs/cluster.md names is enough, and a changed password comes in with a graceful restart.
# With wait=1 a batch is delivered when a replica has it.
use strict;
use warnings;
use FindBin;
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $redis = Playcount::Redis->new(masters => 1, replicas => 1);
my ($documented) = Playcount::Server::slurp("$FindBin::Bin/../../docs/cluster.md")
    =~ /^    ACL SETUSER (plays .*)$/m;
my @rights = split ' ', $documented;
is $rights[0], 'plays', 'the manual has a line for the user';

# The tests' own connections go on as a user who may do everything.
sub allow
{
    my ($password) = @_;
    for my $node (0, 1) {
        $redis->ask($node, 'ACL', 'SETUSER', 'tests', 'on', 'nopass', '~*', '&*', '+@all');
        $redis->ask($node, 'AUTH', 'tests', 'any');
        $redis->ask($node, 'ACL', 'SETUSER', 'plays', 'resetpass');
        $redis->ask($node, 'ACL', 'SETUSER', map { /^>/ ? ">$password" : $_ } @rights);
    }
}
allow('secret');
my $server = Playcount::Server->new(zone_file => 1, songs => 1000, start => 0);
sub password { Playcount::Server::spew($server->root . '/conf/password', "$_[0]\n") }
sub configure
{
    $server->set_config('PlaycountHandoff redis cluster=' . $redis->addresses
        . " interval=1 user=plays password-file=conf/password @_");
}
password('secret');
configure();
$server->start;

sub arrives
{
    my ($name) = @_;
    my $wanted = listing($server, '/?local=1');
    counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, $name);
}
$server->post('/song/a?by=3');
arrives('a user with these rights delivers');
$server->delete('/');
$server->post('/song/a?by=4');
arrives('... and clears');
Playcount::Server::wait_until('what was cleared is deleted', sub {
    return !grep({ /:1:\w+:\d+$/ } @{ $redis->ask(0, 'KEYS', 'playcount:*') })
        || select(undef, undef, undef, 0.2) && 0;
});
pass '... and deletes what was cleared';
is scalar(grep { /NOPERM|no permissions/ } $server->error_log), 0, 'nothing was denied';

allow('another');
$redis->ask(0, 'CLIENT', 'KILL', 'USER', 'plays');
$server->post('/song/a');
$server->wait_for_log(qr/WRONGPASS/);
password('another');
$server->graceful;
arrives('a changed password comes in with a graceful restart');

configure('wait=1');
$server->graceful;
$server->post('/song/b?by=2');
arrives('with wait=1 it is delivered when the replica has it');
$redis->pause(1);
$server->post('/song/b?by=3');
$server->wait_for_log(qr/of the replicas of \S+, 0 have it within a second, not wait=1/);
pass 'a replica that hangs is said in the log';
my $before = $server->error_log;
$redis->resume(1);
Playcount::Server::wait_until('delivered again', sub {
    return substr($server->error_log, length $before) =~ /is delivered again/
        || select(undef, undef, undef, 0.2) && 0;
});
arrives('when it is back, delivery goes on');

# Too few rights are said as well.
$redis->ask($_, 'ACL', 'SETUSER', 'plays', '-evalsha') for 0, 1;
$server->post('/song/c');
$server->wait_for_log(qr/the user must be allowed EVALSHA and the keys playcount:\*/);
$redis->ask($_, 'ACL', 'SETUSER', 'plays', '+evalsha') for 0, 1;
arrives('a right that was missing and is given');
done_testing;
