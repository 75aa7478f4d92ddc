package Processes;

# Which processes of httpd run on a configuration file. The table of processes is asked,
# not the pid file: after a crash that may name a zombie, another program or nothing, and
# children whose parent was killed serve on without it.

use strict;
use warnings;

# The fields of /proc/PID/stat after the name, which may hold anything.
sub stat_of
{
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return;
    my $line = <$file> // return;
    return unless $line =~ s/^.*\) //s;
    my @field = split ' ', $line;
    return { state => $field[0], parent => $field[1], group => $field[2], started => $field[19] };
}

# The words of a process's command line.
sub command_line_of
{
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/cmdline" or return;
    local $/;
    return split /\0/, <$file> // '';
}

sub all_pids
{
    opendir my $proc, '/proc' or return;
    return grep { /^\d+$/ } readdir $proc;
}

# Those that have given themselves this title.
sub titled
{
    my ($title) = @_;
    return grep { ((command_line_of($_))[0] // '') =~ /^\Q$title\E\s*$/ } all_pids();
}

# mod_wsgi's daemons have httpd's arguments, but a title of their own (display-name=).
sub is_wsgi_daemon
{
    my ($pid) = @_;
    return ((command_line_of($pid))[0] // '') =~ /^\(wsgi:/ ? 1 : 0;
}

# Does this command line serve the file? `httpd -f FILE -k stop` and -t do not serve.
sub serves
{
    my ($conf, @argument) = @_;
    my $found = 0;

    for my $i (1 .. $#argument) {
        return 0 if $argument[$i] =~ /^-[ktvVLlMS]$/;
        $found = 1 if $argument[ $i - 1 ] eq '-f' && $argument[$i] eq $conf;
    }
    return $found;
}

# All that serve it: process id, parent, start time in ticks since boot.
sub serving
{
    my ($conf) = @_;
    my @found;

    for my $pid (all_pids()) {
        next unless serves($conf, command_line_of($pid));
        my $stat = stat_of($pid) or next;
        push @found, { pid => $pid, %$stat } unless $stat->{state} =~ /[ZX]/;
    }
    return sort { $a->{pid} <=> $b->{pid} } @found;
}

# The parent among them, and the others; a child whose parent is gone has one that is not
# among them, like the parent itself, but it is in the process group of that.
sub parent_and_children
{
    my ($conf) = @_;
    my @all = serving($conf);
    my %is = map { $_->{pid} => 1 } @all;
    my ($parent) = grep { $_->{group} == $_->{pid} && !$is{ $_->{parent} } } @all;

    return ($parent, grep { !$parent || $_->{pid} != $parent->{pid} } @all);
}

1;
