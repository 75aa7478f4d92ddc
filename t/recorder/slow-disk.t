# No request waits for the recorder's disk. When it takes no record, requests are
# answered, memory is bounded, and what is not recorded is said. The disk is made slow
# by strace, which delays the thread that writes.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use Playcount::Recorder;
use Playcount::Trace;

my $server = Playcount::Server->new(
    processes => 1,
    config    => "PlaycountRecorder records max-body=8m\nLimitRequestBody 0\n");
my ($child) = $server->children;

sub writer
{
    for my $task (glob "/proc/$child/task/*") {
        return $1 if Playcount::Server::slurp("$task/comm") eq "recorder\n"
            && $task =~ /(\d+)$/;
    }
    return;
}
ok my $thread = Playcount::Server::wait_until('the thread that writes', \&writer),
    'a thread writes';
$server->get('/song/1');
Playcount::Recorder::wait_for($server, 1);

my $strace = Playcount::Trace->new($thread, $server->root,
    qw(-e trace=mkdirat -e inject=mkdirat:delay_enter=600s))
    or plan skip_all => 'strace may not trace here';

# The first record holds the thread up; the others fill the memory.
my $body = 'x' x 8_000_000;
my %answers;
my $begin = time;
$answers{ $server->post('/songs', content => $body,
        headers => { 'Content-Type' => 'text/plain' })->{status} }++ for 1 .. 12;
$answers{ $server->get('/song/1')->{status} }++ for 1 .. 100;
cmp_ok time - $begin, '<', 300, 'requests are answered while the disk is not';
is_deeply \%answers, { 400 => 12, 200 => 100 }, 'all of them' or diag explain \%answers;
is scalar(Playcount::Recorder::names(Playcount::Recorder::dir($server))), 1,
    'while nothing is written';
my ($resident) = Playcount::Server::slurp("/proc/$child/status") =~ /^VmRSS:\s+(\d+) kB/m;
cmp_ok $resident, '<', 120_000, 'in bounded memory';

$strace->kill9;
my @records = Playcount::Recorder::wait_for($server, 3);
Playcount::Server::wait_until('the whole list', sub {
    $server->get('/song/2');
    @records = Playcount::Recorder::records($server);
    return grep { $_->{meta}{uri} eq '/song/2' } @records;
});
my @large = grep { $_->{meta}{uri} eq '/songs' } @records;
is length($large[0]{'request-body'}), 8_000_000, 'then what there was room for is written';
ok scalar(grep { $_->{meta}{truncated} eq 'yes' && length($_->{'request-body'}) < 8_000_000 }
    @large), 'and of others the beginning, which says so';
ok !(grep { !$_->{meta}{uri} || $_->{'request-headers'} eq '' } @records),
    'all have their headers and facts';
ok $server->wait_for_log(qr/\d+ requests are not in \S+: the disk is slower/),
    'the log says that there are others';
$server->stop;

done_testing;
