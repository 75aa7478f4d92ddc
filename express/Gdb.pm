package Gdb;

# --debugger, and the backtrace that a crash leaves in the log.
#
# A child that crashes writes a note into a pipe (server/crash.h) and waits; a process of
# ours reads it, has gdb look at the child, writes what all its threads were doing into the
# error log, and lets the child go on with dying. It ends when nobody has the pipe any more:
# with httpd and its children. What comes out of the pipe may be of an application that was
# taken over, so the process has no more rights than the children.

use strict;
use warnings;
use Fcntl qw(F_SETFD O_APPEND O_CREAT O_NOFOLLOW O_WRONLY);
use POSIX qw(strftime);
use Machine;
use Plain;

our $SECONDS = 25; # that gdb may take

my @QUIET = ('-q', '-nx', '-iex', 'set debuginfod enabled off', '-iex', 'set confirm off');

sub check
{
    my ($option) = @_;

    return unless $option->{debugger};
    die "--debugger needs --debug-mode: it debugs one process in the foreground\n"
        unless $option->{'debug-mode'};
    die "there is no gdb on this machine; install the package gdb\n"
        unless Machine::command('gdb');
    # One thread is what is wanted most; and the one process of event and worker waits for
    # signals (sigwait), so that Ctrl-C reaches it before gdb.
    $option->{mpm} //= 'prefork'
        unless grep { defined $option->{$_} } qw(threads many-connections http2);
    return;
}

# --- --debugger ------------------------------------------------------------

# The command that runs this one under gdb. SIGPIPE is nothing to stop for, and breakpoints
# may be set in modules that are not loaded yet, and its words on new threads are no pages.
sub command_line
{
    my (@command) = @_;
    return (Machine::command('gdb'), '-q', '-ex', 'set pagination off',
        '-ex', 'set breakpoint pending on',
        '-ex', 'handle SIGPIPE nostop noprint pass', '-ex', 'run', '--args', @command);
}

# One line on what gdb will have no names for.
sub symbols_hint
{
    my ($httpd) = @_;
    my $sections = `readelf -S -n '$httpd' 2> /dev/null`;

    return '' if $sections !~ /Build ID: ([0-9a-f]{2})([0-9a-f]+)/ || $sections =~ /\.debug_info/
        || -e "/usr/lib/debug/.build-id/$1/$2.debug";
    return "httpd has no symbols here: install apache2-bin-dbgsym, or set DEBUGINFOD_URLS\n";
}

# --- a crash ---------------------------------------------------------------

# Before httpd starts: the end of the pipe that it is to inherit, to be closed when it has,
# and what its environment needs. Nothing without gdb.
sub watch_for_crashes
{
    my ($option) = @_;

    return unless Machine::command('gdb');
    pipe my $from, my $to or die "cannot make a pipe: $!\n";
    my $pid = fork // die "cannot start a process: $!\n";
    if ($pid == 0) {
        close $to;
        POSIX::_exit(0) if fork; # it is nobody's child to wait for
        POSIX::setsid();
        $SIG{$_} = 'IGNORE' for qw(INT HUP PIPE);
        # The lock of the start among others: whoever waits for it must not wait for this.
        my $log = log_handle($option);
        become_server_user($option);
        opendir my $fds, '/proc/self/fd' or POSIX::_exit(0);
        POSIX::close($_) for grep { /^\d+$/ && $_ > 2 && $_ != fileno $from && $_ != fileno $log } readdir $fds;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null' unless $option->{'log-to-terminal'};
        eval { read_notes($from, $log) };
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    fcntl $to, F_SETFD, 0;
    return ($to, MOD_PLAYCOUNT_EXPRESS_CRASH => fileno $to);
}

sub read_notes
{
    my ($from, $log) = @_;

    while (sysread $from, my $note, 32) {
        next if length $note != 32;
        my ($pid, $thread, $signal, $heard) = unpack 'q4', $note;
        my $text = backtrace($pid, $thread);
        syswrite $log, strftime('[%a %b %d %H:%M:%S %Y] ', localtime)
            . "[playcount-express] child $pid crashes in its thread $thread, signal $signal;"
            . " what its threads are doing:\n$text";
        release($pid, $heard);
    }
    return;
}

# Set the word that the child waits for; if that is not allowed, it waits for half a minute.
sub release
{
    my ($pid, $heard) = @_;

    open my $memory, '+<:raw', "/proc/$pid/mem" or return;
    sysseek $memory, $heard, 0;
    syswrite $memory, pack 'i', 1;
    return;
}

sub backtrace
{
    my ($pid, $thread) = @_;
    my $gdb = Machine::command('gdb');
    my $out;

    my $child = open $out, '-|';
    return "(no process: $!)\n" unless defined $child;
    if (!$child) {
        open STDERR, '>&', \*STDOUT;
        alarm $SECONDS; # outlives exec
        exec $gdb, @QUIET, '-batch', '-p', $pid, '-ex', 'set width 0', '-ex', 'thread apply all bt'
            or POSIX::_exit(127);
    }
    my @lines = map { Plain::text($_) } <$out>;
    close $out;
    return @lines ? by_stack($thread, @lines) : "(gdb says nothing)\n";
}

# The thread that crashed comes first; of threads that do the same, as idle ones do, one is
# shown. Where there are no threads, all that gdb has to say.
sub by_stack
{
    my ($crashed, @lines) = @_;
    my (@threads, %same);

    for my $line (@lines) {
        push @threads, { head => $line =~ s/:?\s*$//r, frames => '' } if $line =~ /^Thread \d+ /;
        $threads[-1]{frames} .= $line if @threads && $line =~ /^#/;
    }
    return join '', @lines unless @threads;
    my ($first) = grep { $_->{head} =~ /\(LWP $crashed\)/ } @threads;
    for my $thread (grep { !$first || $_ != $first } @threads) {
        my $stack = join "\n", $thread->{frames} =~ /^#\d+ +(?:0x[0-9a-f]+ in )?(\S+)/mg;
        push @{ $same{$stack} }, $thread;
    }
    my $text = $first ? "$first->{head}, which crashed:\n$first->{frames}" : '';
    for my $group (sort { $a->[0]{head} cmp $b->[0]{head} } values %same) {
        my $others = @$group - 1;
        $text .= $group->[0]{head} . ($others ? " and $others like it" : '') . ":\n$group->[0]{frames}";
    }
    return $text;
}

sub log_handle
{
    my ($option) = @_;

    return \*STDERR if $option->{'log-to-terminal'};
    sysopen my $log, "$option->{'server-root'}/logs/error_log",
        O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0644 or POSIX::_exit(0);
    return $log;
}

sub become_server_user
{
    my ($option) = @_;

    return if $> != 0;
    my ($user, $group) = Machine::server_user($option);
    my ($uid, $gid) = (scalar getpwnam $user, scalar getgrnam $group);
    ($(, $)) = ($gid, "$gid $gid");
    ($<, $>) = ($uid, $uid);
    POSIX::_exit(0) if $> == 0 || $< == 0;
    return;
}

1;
