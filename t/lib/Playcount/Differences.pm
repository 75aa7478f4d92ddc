package Playcount::Differences;

# A writer as it should not be: it delivers what came since the last time, under a number
# that keeps the cluster from adding it twice, and forgets it when it is confirmed. What
# the cluster forgets after that is gone. It shows that a partition takes confirmed writes
# away, so that a test in which nothing is lost means something.
#
#     my $writer = Playcount::Differences->start($address, $key, @run);
#     $writer->stop             how many plays it has counted; all are confirmed

use strict;
use warnings;
use File::Basename qw(dirname);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use Playcount::Process;
use Playcount::Redis;

my $script = <<'LUA';
if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) < tonumber(ARGV[2]) then
    redis.call('HINCRBY', KEYS[1], 'total', ARGV[3])
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
LUA

sub start
{
    my ($class, $address, $key, @run) = @_;
    pipe my $from, my $to or die "pipe: $!";
    my $pid = Playcount::Process::begin({ signal => 'KILL' }, sub {
        open STDOUT, '>&', $to;
        exec @run, $^X, '-I' . dirname(dirname(__FILE__)), '-MPlaycount::Differences',
            '-e', 'Playcount::Differences::run(@ARGV)', $address, $key;
    });
    close $to;
    return bless { pid => $pid, from => $from }, $class;
}

sub stop
{
    my ($self) = @_;
    kill 'TERM', $self->{pid};
    my ($plays) = readline($self->{from}) =~ /(\d+)/;
    waitpid delete $self->{pid}, 0;
    return $plays;
}

sub DESTROY { local $?; Playcount::Process::end($_[0]{pid}) if $_[0]{pid} }

sub run
{
    my ($address, $key) = @_;
    my ($plays, $confirmed, $number, $stop, $socket, $to) = (0, 0, 0, 0, undef, $address);
    $SIG{TERM} = sub { $stop = time + 60 };
    $SIG{PIPE} = 'IGNORE';
    until ($stop && ($confirmed == $plays || time > $stop)) {
        $plays++ unless $stop;
        # The same batch until it is confirmed.
        my ($n, $by) = ($number + 1, $plays - $confirmed);
        while (!confirm(\$socket, \$to, $key, $n, $by)) {
            undef $socket;
            $to = $address unless $to;
            $plays++ unless $stop;
            last if $stop && time > $stop;
            sleep 0.1;
        }
        ($number, $confirmed) = ($n, $confirmed + $by);
        sleep 0.02;
    }
    print "$plays\n";
}

sub confirm
{
    my ($socket, $to, $key, $number, $by) = @_;
    my $ok = eval {
        local $SIG{ALRM} = sub { die "hangs\n" };
        alarm 2;
        $$socket //= IO::Socket::INET->new(PeerAddr => $$to, Proto => 'tcp', Timeout => 1)
            or die "no connection\n";
        print {$$socket} join '', map { ref $_ ? "*$$_\r\n" : ('$', length, "\r\n$_\r\n") }
            \7, 'EVAL', $script, 1, $key, "fence:$$", $number, $by;
        $$socket->flush;
        Playcount::Redis::read_reply($$socket);
    };
    alarm 0;
    $$to = $@ =~ /MOVED \d+ (\S+:\d+)/ ? $1 : undef unless $ok;
    return $ok;
}

1;
