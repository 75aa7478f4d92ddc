package Profiler;

# --profiler: perf samples all processes of httpd from its start on; at the stop there are a
# report and a flame graph.
#
#     logs/profile.data   what perf has written
#     logs/profile        where the time went, function by function
#     logs/profile.svg    the same as a flame graph

use strict;
use warnings;
use POSIX qw(:sys_wait_h);
use FlameGraph;
use Machine;
use Processes;
use SafePath;
use ServerRoot;

our $PER_SECOND = 99; # in step with nothing that happens each tenth of a second

sub file { return "$_[0]{'server-root'}/logs/profile" . ($_[1] // '') }

sub check
{
    my ($option) = @_;

    return unless $option->{profiler};
    die "--profiler and --debug-mode exclude each other\n" if $option->{'debug-mode'};
    die "--profiler and --background exclude each other: the profile is written at the stop\n"
        if $option->{background};
    return;
}

# What keeps perf from working here, in a sentence; nothing if it works.
sub obstacle
{
    my ($option) = @_;
    my $perf = Machine::command('perf')
        or return 'there is no perf on this machine; install the package linux-perf';
    my $out = `'$perf' record -q -g -o /dev/null -- true 2>&1`;

    return if $? == 0;
    return 'perf may not measure here' . ($out =~ /(perf_event_paranoid)/
        ? ': set the sysctl kernel.perf_event_paranoid to 2 or less' : '');
}

# Start perf for the server that has just started; its process id, or nothing, which is said.
sub start
{
    my ($option) = @_;
    return unless $option->{profiler};
    my $obstacle = obstacle($option);

    if ($obstacle) {
        print "No profile: $obstacle.\n";
        return;
    }
    my $data = file($option, '.data');
    SafePath::create($data) or die "cannot write $data: $!\n";
    my $pids = join ',', map { $_->{pid} } Processes::serving(ServerRoot::conf_path($option));
    my $pid = fork // die "cannot start a process: $!\n";
    return $pid if $pid;
    setpgrp; # Ctrl-C is not for it
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', file($option, '.log');
    # httpd and its libraries are built without frame pointers. Half a gigabyte is enough.
    exec Machine::command('perf'), 'record', '-q', '-F', $PER_SECOND, '--call-graph', 'dwarf,8192',
        '--max-size', '500M', '-o', $data, '-p', $pids
        or POSIX::_exit(127);
}

# The server has ended, and perf with its processes, or by our word.
sub finish
{
    my ($option, $pid) = @_;
    return unless $pid;

    kill 'INT', $pid;
    waitpid $pid, 0;
    my $data = file($option, '.data');
    my $perf = Machine::command('perf');
    my @report = read_command($perf, 'report', '--stdio', '-i', $data, '--no-children', '-g',
        'caller,0.5,callee,function,percent', '--percent-limit', 0.5);
    my $samples = grep { !/^#|^\s*$/ } @report;

    return print "No profile: nothing was sampled, the server had nothing to do.\n" unless $samples;
    ServerRoot::write_file(file($option), join '', @report);
    ServerRoot::write_file(file($option, '.svg'),
        FlameGraph::svg(read_command($perf, 'script', '-i', $data, '-F', 'comm,ip,sym')));
    print 'Profile: ', file($option), ', ', file($option, '.svg'), "\n";
    return;
}

sub read_command
{
    my (@command) = @_;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2> /dev/null < /dev/null', 'sh', @command or return;
    my @lines = <$out>;
    close $out;
    return @lines;
}

1;
