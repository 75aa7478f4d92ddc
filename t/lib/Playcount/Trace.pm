# The system calls that a process makes, by strace.
#
#     my $trace = Playcount::Trace->new($pid, $directory);
#     $trace or plan skip_all => 'strace may not trace here';
#     ... requests ...
#     my @calls = $trace->calls;      # 'read(3, ...) = 5', in their order
#
# More options of strace may follow the directory.
#
# Only those of the process's first thread, which under prefork answers requests.
package Playcount::Trace;

use strict;
use warnings;
use POSIX ();
use Playcount::Process;
use Playcount::Server;

my $number = 0;

# undef where there is no strace, or where it may not trace.
sub new
{
    my ($class, $traced, $directory, @options) = @_;
    my ($strace) = grep { -x } map { "$_/strace" } split /:/, $ENV{PATH};
    my $log = "$directory/strace." . ++$number;
    return undef unless $strace;
    my $pid = Playcount::Process::start({ out => "$log.err", signal => 'INT' },
        $strace, @options, '-o', $log, '-p', $traced);
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
    Playcount::Process::end($self->{pid});
    return grep { /^\w+\(/ } split /\n/, Playcount::Server::slurp($self->{log});
}

# At once, wherever it is.
sub kill9 { Playcount::Process::end($_[0]{pid}, 'KILL') }

1;
