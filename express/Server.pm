package Server;

# The httpd of a server root: is it there, start it, stop it, restart it.
#
# httpd runs as a child in a process group of its own, so that neither Ctrl-C
# nor a window that changes its size (a signal that httpd takes for "stop")
# reaches it; this program hands on what it is meant to get.

use strict;
use warnings;
use POSIX qw(:sys_wait_h);
use Address;
use Machine;
use Php;
use Processes;
use SafePath;
use ServerRoot;

our $SECONDS = 60;  # after which a start or a stop has failed
our $stopping;      # Ctrl-C was pressed

sub command_line
{
    my ($option) = @_;
    return (Machine::httpd(), '-f', ServerRoot::conf_path($option),
        $option->{'startup-log'} ? ('-E', "$option->{'server-root'}/logs/startup_log") : ());
}

# --- is it there? ----------------------------------------------------------

# The running server of this root: the process id of its parent, or nothing.
sub running
{
    my ($option) = @_;
    my ($parent) = Processes::parent_and_children(ServerRoot::conf_path($option));
    return $parent && $parent->{pid};
}

# Children that serve on after their parent was killed; none while there is one.
sub orphans
{
    my ($option) = @_;
    my ($parent, @children) = Processes::parent_and_children(ServerRoot::conf_path($option));
    return $parent ? () : map { $_->{pid} } @children;
}

# The command that stops it, to be shown.
sub stop_command
{
    my ($option) = @_;
    my $root = $option->{'server-root'};
    return 'playcount-express stop'
        . ($root eq $option->{'default-root'} ? '' : " --server-root $root");
}

# The process id of the server that runs, or the end with status 3 or 4.
sub need_running
{
    my ($option) = @_;
    my $pid = running($option);
    return $pid if $pid;
    if (my @left = orphans($option)) {
        print STDERR "playcount-express: the server on $option->{'server-root'} has lost its",
            " parent process, and its children (@left) serve on; ", stop_command($option),
            " stops them\n";
        exit 4;
    }
    print STDERR "playcount-express: no server is running on $option->{'server-root'}\n";
    exit 3;
}

sub refuse_running
{
    my ($option) = @_;
    my $pid = running($option);
    my @left = $pid ? () : orphans($option);
    return unless $pid || @left;
    my $which = $pid ? "process $pid" : "children without their parent, @left";
    my $url = HttpdConf::urls_of(ServerRoot::conf_path($option))->{server} // '?';
    die "a server is running there already ($option->{'server-root'}, $url, $which); ",
        stop_command($option), " stops it\n";
}

# --- start -----------------------------------------------------------------

sub exec_httpd
{
    my (@command) = @_;
    # As many open files as may be.
    exec 'sh', '-c', 'ulimit -n "$(ulimit -H -n)" 2> /dev/null; exec "$@"',
        'sh', @command or die "cannot run $command[0]: $!\n";
}

# httpd opens /dev/stderr, its log, by that name, which it may not if the terminal is
# another user's (su) and which loses the place in a file that was not opened to append.
# So its log is a pipe of ours, and a process copies it to the real one until httpd and all
# its children have ended.
sub log_pipe
{
    pipe my $from, my $to or die "cannot make a pipe: $!\n";
    my $pid = fork // die "cannot start a process: $!\n";
    return $to if $pid;
    close $to;
    setpgrp; # Ctrl-C is for httpd, which has something to say when it stops
    while (sysread $from, my $text, 65536) {
        syswrite STDERR, $text;
    }
    POSIX::_exit(0);
}

# httpd writes it when its configuration is in force; the port is open before that.
sub pid_in_file
{
    my ($option) = @_;
    open my $file, '<', "$option->{'server-root'}/run/httpd.pid" or return 0;
    return (<$file> // '') =~ /^(\d+)$/ ? $1 : 0;
}

sub spawn
{
    my ($option) = @_;
    my $start = "$option->{'server-root'}/logs/start";
    my $output = $option->{'log-to-terminal'} ? log_pipe() : SafePath::create($start)
        // die "cannot write $start: $!\n";

    my $pid = fork // die "cannot start a process: $!\n";
    return $pid if $pid;
    $option->{background} ? POSIX::setsid() : setpgrp;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $output;
    open STDERR, '>&', \*STDOUT;
    eval { exec_httpd(command_line($option), '-DFOREGROUND') };
    print STDERR $@;
    POSIX::_exit(1);
}

# Start httpd and wait until it accepts connections; its process id.
sub launch
{
    my ($option) = @_;
    my $root = $option->{'server-root'};
    my $before = (-s "$root/logs/error_log") // 0;

    STDOUT->autoflush(1);
    Php::start($option);
    SafePath::create("$root/logs/startup_log") if $option->{'startup-log'};
    my $pid = spawn($option);
    # Ctrl-C and the like become a stop.
    for my $signal (qw(INT TERM HUP)) {
        $SIG{$signal} = sub {
            $stopping = 1;
            kill 'TERM', $pid;
        };
    }
    for (1 .. $SECONDS * 50) {
        if (waitpid($pid, WNOHANG) == $pid) {
            Php::stop($option);
            exit 130 if $stopping;
            die 'httpd did not start: ', last_words($option, $before), "\n";
        }
        return $pid if pid_in_file($option) == $pid
            && Address::answers($option->{addresses}[0]);
        select undef, undef, undef, 0.02;
    }
    kill 'TERM', $pid;
    die "httpd did not answer within $SECONDS seconds; see $root/logs/error_log\n";
}

# What httpd said last, from this place in its error log on: the errors, or
# else all of it.
sub last_words
{
    my ($option, $from) = @_;
    my $root = $option->{'server-root'};
    my $text = '';

    return 'see above' if $option->{'log-to-terminal'};
    for my $name ("$root/logs/start",
        $option->{'startup-log'} ? "$root/logs/startup_log" : (), "$root/logs/error_log") {
        open my $file, '<', $name or next;
        seek $file, $from, 0 if $name =~ /error_log$/;
        local $/;
        $text .= <$file> // '';
    }
    my @lines = split /\n/, $text;
    my @errors = grep { /:(emerg|alert|crit|error)\]/ && !/AH00016:/ } @lines;
    @errors = @lines unless @errors;
    @errors = @errors[-5 .. -1] if @errors > 5;
    s/^(\[[^\]]*\] )*(AH\d+: )?// for @errors;
    return @errors ? join(' ', @errors) : "see $root/logs/error_log";
}

# --- stop and restart ------------------------------------------------------

# Wait until this is true; false if it does not come.
sub wait_for
{
    my ($done) = @_;
    for (1 .. $SECONDS * 50) {
        return 1 if $done->();
        select undef, undef, undef, 0.02;
    }
    return 0;
}

# Children without their parent: nobody tells those of event and worker to end, and they
# take no notice of SIGTERM. No count is lost when they are killed.
sub stop_orphans
{
    my ($option) = @_;

    kill 'TERM', orphans($option);
    for (1 .. 50) {
        last unless orphans($option);
        select undef, undef, undef, 0.02;
    }
    kill 'KILL', orphans($option);
    return;
}

sub stop
{
    my ($option) = @_;

    if (my $pid = running($option)) {
        kill 'TERM', $pid or die "cannot stop process $pid: $!\n";
    }
    elsif (orphans($option)) {
        stop_orphans($option);
    }
    my $has_stopped = wait_for(sub { !running($option) && !orphans($option) });
    Php::stop($option);
    die "the server on $option->{'server-root'} has not stopped after $SECONDS seconds\n"
        unless $has_stopped;
    return;
}

# Have httpd check its configuration, which takes a moment.
sub begin_check
{
    my ($option) = @_;
    my $pid = open my $out, '-|', 'sh', '-c', 'exec "$@" -t 2>&1', 'sh', command_line($option);
    return { pid => $pid, out => $out, error => "cannot run httpd: $!" };
}

# What it has against it; nothing if it would take it.
sub configuration_error
{
    my ($check) = @_;
    return $check->{error} unless $check->{pid};
    my $text = do { local $/; readline $check->{out} };
    return close $check->{out} ? undef : $text;
}

sub drop_check
{
    my ($check) = @_;
    return unless $check && $check->{pid};
    kill 'KILL', $check->{pid};
    close $check->{out};
    return;
}

# The children of httpd's parent, without those of mod_wsgi, or these alone.
sub children
{
    my ($option, $pid, $daemons) = @_;
    return grep { $_->{parent} == $pid && $daemons == Processes::is_wsgi_daemon($_->{pid}) }
        Processes::serving(ServerRoot::conf_path($option));
}

# WSGI processes finish what they do, for five seconds at most; httpd starts others, and
# requests wait for these.
sub renew_daemons
{
    my ($option, $pid) = @_;
    my %old = map { $_->{pid} => 1 } children($option, $pid, 1);

    kill 'TERM', keys %old;
    wait_for(sub {
        my @now = map { $_->{pid} } children($option, $pid, 1);
        return !running($option) || @now >= keys(%old) && !grep { $old{$_} } @now;
    }) or die "not all WSGI processes have ended after $SECONDS seconds; see the error log\n";
    return;
}

# Comes back when a child of the new configuration has started. The check of that may be
# under way already.
sub graceful
{
    my ($option, $pid, $check) = @_;
    if (my $error = configuration_error($check // begin_check($option))) {
        die "httpd.conf has an error, the server goes on as it was:\n$error";
    }
    ServerRoot::need_room($option);
    my $log = (-s "$option->{'server-root'}/logs/error_log") // 0;
    my %old = map { $_->{pid} => 1 } children($option, $pid, 0);
    kill 'USR1', $pid or die "cannot signal process $pid: $!\n";
    my $new = wait_for(sub {
        !(running($option) // 0) || grep { !$old{ $_->{pid} } } children($option, $pid, 0);
    });
    die 'the server has ended at the restart: ', last_words($option, $log), "\n"
        unless running($option);
    die "no new child has started after $SECONDS seconds; see the error log\n" unless $new;
    return;
}

1;
