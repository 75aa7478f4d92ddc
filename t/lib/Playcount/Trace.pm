# The system calls that a process makes, by strace.
#
#     my $trace = Playcount::Trace->new($pid, $directory);
#     $trace or plan skip_all => 'strace may not trace here';
#     ... requests ...
#     my @calls = $trace->calls;      # 'read(3, ...) = 5', in their order
#
# Only those of the process's first thread, which under prefork answers requests.
package Playcount::Trace;

use strict;
use warnings;
use POSIX ();
use Playcount::Server;

my $number = 0;

# undef where there is no strace, or where it may not trace.
sub new
{
    my ($class, $traced, $directory) = @_;
    my ($strace) = grep { -x } map { "$_/strace" } split /:/, $ENV{PATH};
    my $log = "$directory/strace." . ++$number;
    return undef unless $strace;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>', "$log.err";
        exec $strace, '-o', $log, '-p', $traced;
        exit 127;
    }
    my $self = bless { pid => $pid, log => $log }, $class;
    return $self if eval {
        Playcount::Server::wait_until('strace', sub {
            waitpid($pid, POSIX::WNOHANG()) == $pid and die "strace ended\n";
            return Playcount::Server::slurp("$log.err") =~ /attached/;
        });
    };
    return undef;
}

# Detaches.
sub calls
{
    my ($self) = @_;
    kill 'INT', $self->{pid};
    waitpid $self->{pid}, 0;
    return grep { /^\w+\(/ } split /\n/, Playcount::Server::slurp($self->{log});
}

1;
