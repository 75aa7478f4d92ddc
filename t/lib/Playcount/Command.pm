package Playcount::Command;

# Runs the playcount command, or another program of the client's tests, with
# nothing of the user's own environment, and with a time limit that only what hangs
# reaches: a test that is about the limit gives another.
#
#     my $run = playcount('-s', $url, 'get', '1');
#     $run->{status}, $run->{out}, $run->{err}, $run->{seconds};
#     playcount({ stdin => "y\n", env => { PLAYCOUNT_SERVER => $url } }, 'list');

use strict;
use warnings;
use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use Playcount::Process;
use Playcount::Server;

our @EXPORT_OK = qw(playcount run_program start_program wait_program ended kill_until
    has_said);

my $top = abs_path(dirname(__FILE__) . '/../../..');

# Seconds until a program that does not end is killed and the test fails.
our $PATIENCE = 120;

sub playcount
{
    my @arguments = @_;
    my $option = ref $arguments[0] ? shift @arguments : {};
    return run_program($option, "$top/build/client/playcount", @arguments);
}

sub run_program
{
    my $started = start_program(@_);
    return wait_program($started);
}

# A program of build/ is named by its path from there.
sub start_program
{
    my @command = @_;
    my $option = ref $command[0] ? shift @command : {};
    $command[0] = "$top/build/$command[0]" unless $command[0] =~ m{^/};
    my %file = map { $_ => File::Temp->new } qw(in out err);
    print { $file{in} } $option->{stdin} // '';
    close $file{in};
    my $pid = Playcount::Process::begin({ signal => 'KILL' }, sub {
        open STDIN,  '<', $file{in}->filename;
        open STDOUT, '>', $option->{stdout} // $file{out}->filename;
        open STDERR, '>', $file{err}->filename;
        delete @ENV{ grep { /^PLAYCOUNT_/ || /_proxy$/i } keys %ENV };
        @ENV{qw(HOME XDG_CONFIG_HOME)} = ('/nonexistent', '/nonexistent');
        $ENV{PLAYCOUNT_TIMEOUT} = 60;
        @ENV{ keys %{ $option->{env} || {} } } = values %{ $option->{env} || {} };
        exec @command or POSIX::_exit(127);
    });
    return { pid => $pid, file => \%file, began => time, command => "@command" };
}

# Whether a started program has ended; it is still to be waited for.
sub ended
{
    my ($started) = @_;
    return Playcount::Command::slurp("/proc/$started->{pid}/stat") =~ /\) Z /;
}

sub wait_program
{
    my ($started) = @_;
    while (waitpid($started->{pid}, WNOHANG) == 0) {
        if (time - $started->{began} > $PATIENCE) {
            Playcount::Process::end($started->{pid});
            croak "it did not end: $started->{command}";
        }
        sleep 0.005;
    }
    my $wait = $?;
    my %text = map { $_ => slurp($started->{file}{$_}->filename) } qw(out err);
    return {
        status  => $wait & 127 ? 128 + ($wait & 127) : $wait >> 8,
        seconds => time - $started->{began},
        %text,
    };
}

# Runs playcount and kills it while it has a state file, again and again, until
# $over->($run) or some forty times. How often it was killed before, and the last run.
sub kill_until
{
    my ($over, $state, @arguments) = @_;
    my ($killed, $run) = (0);

    for (1 .. 40) {
        my $before = (stat $state)[1] // 0;
        my $started = start_program('client/playcount', @arguments);
        # Not before it has begun, and then at any moment; the first time at once, so
        # that no machine is too fast for it, and every second time not before it has
        # gone on to a further part, so that none is too slow.
        my $further = $killed % 2;
        Playcount::Server::wait_until('a part under way', sub {
            return 1 if ended($started);
            my $inode = -s $state && (stat _)[1] // 0;
            return $inode && (!$further || $inode != $before);
        });
        sleep rand 0.1 if $killed;
        kill 'KILL', $started->{pid};
        $run = wait_program($started);
        last if $over->($run);
        $killed++;
    }
    return ($killed, $run);
}

# It has said the outcome before its state went, killed or not.
sub has_said { return $_[0]{out} || $_[0]{status} != 137 }

sub slurp
{
    my ($path) = @_;
    open my $file, '<:raw', $path or croak "$path: $!";
    local $/;
    return <$file> // '';
}

1;
