# Processes end without a crash, however they are told to: the watchdog's threads have
# stopped before what they touch is gone. Also as one process in the foreground (-X).
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;
use Test::More;
use Playcount::Metrics;

my $receiver = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die $!;

sub server
{
    my ($mpm, $mode, %option) = @_;
    return Playcount::Metrics::server(mpm => $mpm, location => '/count', zone_file => 1,
        config => 'PlaycountStatsd 127.0.0.1:' . $receiver->sockport
            . " interval=1 mode=$mode\nPlaycountSeries 1\n", %option);
}

# Which signals ended children, as the parent logs it.
sub crashes
{
    my ($server) = @_;
    return join ', ', $server->error_log =~ /(exit signal [^\n]*)/g;
}

sub restart
{
    my ($server, $signal) = @_;
    my $before = $server->generations;
    # The connection stays open: a worker that frees one while the child is told to end
    # can meet event's own look at its socket, and crash there.
    kill $signal, $server->pid;
    Playcount::Server::wait_until('a restart', sub { $server->generations > $before });
    Playcount::Server::wait_until('an answer', sub {
        $server->hang_up;
        my $answer = eval { $server->get('/test?blocks=1') };
        return $answer && $answer->{status} == 200;
    });
}

for my $mpm (qw(event worker prefork)) {
    for my $mode (qw(raw aggregate)) {
        my $server = server($mpm, $mode);
        for (1 .. 3) {
            $server->get('/test?blocks=1') for 1 .. 20;
            restart($server, $_ % 2 ? 'HUP' : 'USR1');
        }
        $server->get('/test?blocks=1');
        $server->stop;
        is crashes($server), '', "$mpm, $mode: children end at restarts and at the stop";
    }
    my $server = server($mpm, 'raw', start => 0);
    my %ended;
    for (1 .. 2) {
        my $pid = Playcount::Process::start({}, $server->command, '-X');
        Playcount::Server::wait_until('an answer', sub {
            $server->hang_up;
            my $answer = eval { $server->get('/count/') };
            return $answer && $answer->{status} == 200;
        });
        $server->get('/test?blocks=1') for 1 .. 20;
        # Before the watchdog has begun, most likely, and after that. The connection stays
        # open, see above.
        if ($_ == 2) {
            1 while IO::Select->new($receiver)->can_read(0) && defined $receiver->recv(my $old, 65536);
            $server->get('/test?blocks=1');
            IO::Select->new($receiver)->can_read($Playcount::Server::PATIENCE) or die 'nothing is sent';
        }
        kill 'TERM', $pid;
        waitpid $pid, 0;
        $ended{ $? & 127 }++;
        $server->hang_up;
    }
    is_deeply \%ended, { 0 => 2 }, "$mpm: one process in the foreground ends by itself";
}

done_testing;
