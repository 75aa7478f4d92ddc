# What a crash leaves behind does not stop playcount-express: a pid file that names a zombie,
# another program, process 1 or nothing; children that serve on after their parent was
# killed; a whole server that was killed.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

BEGIN { require(Playcount::Express::program() =~ s{[^/]+$}{express/Processes.pm}r) }

my $express = Playcount::Express->new;
my @start = ('start-server', '--background', '--processes', 2, '--songs', '1k');
my $pid_file = $express->root . '/run/httpd.pid';

sub starts
{
    my ($what) = @_;
    my ($status, $output) = $express->run('status');
    is $status, 3, "$what: status says that none runs" or diag $output;
    ($status, $output) = $express->run(@start);
    is $status, 0, "$what: it starts" or diag $output;
    ($status) = $express->run('status');
    is $status, 0, "$what: status says that it runs";
    return;
}

sub stops
{
    my ($status, $output) = $express->run('stop');
    is $status, 0, 'stopped' or diag $output;
}

starts('nothing there');
is $express->post('/song/1')->{content}, '1', 'it counts';
stops();

my $zombie = Playcount::Process::begin({}, sub { });
Playcount::Server::wait_until('a zombie', sub {
    return Playcount::Server::slurp("/proc/$zombie/stat") =~ /\) Z /;
});
my $sleeper = Playcount::Process::start({}, 'sleep', '600');
for my $left ([zombie => $zombie], ['another program' => $sleeper], ['process 1' => 1],
    [garbage => 'garbage'], ['nothing' => '']) {
    Playcount::Server::spew($pid_file, "$left->[1]\n");
    starts("a pid file with $left->[0]");
    stops();
}
Playcount::Process::end($_) for $zombie, $sleeper;

# The parent is killed: its children hold the port and the zone, and are found.
sub serving
{
    return grep { $_->{pid} > 0 } Processes::serving($express->root . '/httpd.conf');
}
starts('before the parent is killed');
my ($parent, @children) = Processes::parent_and_children($express->root . '/httpd.conf');
ok $parent && @children == 2, 'a parent and two children';
kill 'KILL', $parent->{pid};
Playcount::Server::wait_until('the parent is gone', sub {
    return !grep { $_->{pid} == $parent->{pid} } serving();
});
is $express->post('/song/1')->{content}, '2', 'the children serve on';
my ($status, $output) = $express->run('status');
is $status, 4, 'status says so';
like $output, qr/has lost its parent process.*\Q@{[ join ' ', map { $_->{pid} } @children ]}\E/,
    'and names them';
($status, $output) = $express->run(@start);
is $status, 1, 'no second server is started beside them';
like $output, qr/playcount-express stop --server-root \Q${\ $express->root}\E stops it/,
    'the sentence holds the command that helps';
stops();
is scalar(serving()), 0, 'stop ends them';
starts('after the children were stopped');
is $express->get('/song/1')->{content}, '2', 'nothing is lost';

# All are killed at once, and it is started at once.
kill 'KILL', map { $_->{pid} } serving();
Playcount::Server::wait_until('all are gone', sub { return !serving() });
starts('after kill -9 of all');
is $express->get('/song/1')->{content}, '2', 'nothing is lost';
stops();

done_testing;
