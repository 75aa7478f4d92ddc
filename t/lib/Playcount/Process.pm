package Playcount::Process;

# What a test starts ends with it, also when that is told to end itself (TERM, INT, HUP).
# Only processes end that are its own: those it has not waited for yet.
#
#     my $pid = Playcount::Process::start({ out => $path }, 'program', 'argument');
#     my $pid = Playcount::Process::begin({}, sub { ... });   # the same for a piece of Perl
#     Playcount::Process::end($pid, 'TERM');                 # its wait status
#
# Options: out, the file that gets its output (append => 1: at the end); dir, where it
# runs; user, [uid, gid]; group => 0, it stays in the test's process group, otherwise it is
# the first of one of its own; signal, what ends it with the test (TERM).

use strict;
use warnings;
use Carp qw(croak);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my $SLOW = 10; # seconds until what does not end is killed

my $owner = $$;
my %started; # its options, by process id

my %number = (HUP => 1, INT => 2, TERM => 15);
for my $signal (keys %number) {
    next if ($SIG{$signal} // '') eq 'IGNORE'; # by nohup
    $SIG{$signal} = sub {
        POSIX::_exit(128 + $number{$signal}) if $$ != $owner;
        # Once is enough, and the reader of the output may have gone already.
        $SIG{$_} = sub { } for keys %number;
        $SIG{PIPE} = 'IGNORE';
        exit 128 + $number{$signal};
    };
}

END {
    if ($$ == $owner) {
        local ($?, $!, $@);
        end($_) for keys %started;
    }
}

sub start
{
    my ($option, @command) = @_;
    return begin($option, sub {
        open STDIN,  '<', '/dev/null';
        open STDOUT, $option->{append} ? '>>' : '>', $option->{out} // '/dev/null';
        open STDERR, '>&', \*STDOUT;
        chdir $option->{dir} if defined $option->{dir};
        become(@{ $option->{user} }) if $option->{user};
        exec @command or POSIX::_exit(127);
    });
}

sub begin
{
    my ($option, $code) = @_;
    my $pid = fork // croak "fork: $!";
    if ($pid == 0) {
        setpgrp if $option->{group} // 1;
        $SIG{$_} = 'DEFAULT' for keys %number;
        %started = ();
        my $good = eval { $code->(); 1 };
        print STDERR $@ unless $good;
        # Without the test's END blocks and destructors.
        POSIX::_exit($good ? 0 : 1);
    }
    # The child does it, too: whoever is first, nobody finds it without its group.
    setpgrp $pid, $pid if $option->{group} // 1;
    $started{$pid} = $option;
    return $pid;
}

sub become
{
    my ($uid, $gid) = @_;
    ($(, $)) = ($gid, "$gid $gid");
    ($<, $>) = ($uid, $uid);
}

# One that was started in another way.
sub adopt
{
    my ($pid) = @_;
    $started{$pid} = { group => 0 };
    return $pid;
}

# Nothing if it has been waited for.
sub end
{
    my ($pid, $signal) = @_;
    my $option = delete $started{$pid} or return;
    return unless is_child($pid);
    my $whom = $option->{group} // 1 ? -$pid : $pid;
    my $slow = time + $SLOW;
    kill $signal // $option->{signal} // 'TERM', $whom;
    kill 'CONT', $whom; # of one that is stopped
    until (waitpid $pid, WNOHANG) {
        kill 'KILL', $whom, $pid if time > $slow;
        sleep 0.005;
    }
    return $?;
}

# Until it has been waited for no other process gets its number.
sub is_child
{
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return 0;
    my ($parent) = (readline($file) // '') =~ /\) \S (\d+)/;
    return defined $parent && $parent == $$;
}

1;
