package Playcount::Database;

# What the private databases of tests have in common: a directory of their own below /tmp
# that belongs to the user who runs them if the test is root, a log there, and what they
# have counted.

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();
use POSIX qw(:sys_wait_h);

use Playcount::Process;
use Playcount::Server;

sub make_home
{
    my ($self, $user) = @_;
    $self->{owner} = $$;
    $self->{temp} = File::Temp->newdir('playcount-db-XXXXXX', DIR => '/tmp');
    $self->{root} = "$self->{temp}";
    chmod 0755, $self->{root};
    return if $> != 0;
    $self->{user} = [(getpwnam $user)[2, 3]];
    croak "there is no user $user" unless defined $self->{user}[0];
    chown @{ $self->{user} }, $self->{root};
}

# A program of it, as that user; its output goes into this file there.
sub spawn
{
    my ($self, $log, @command) = @_;
    return Playcount::Process::start({ out => "$self->{root}/$log", append => 1,
        dir => $self->{root}, user => $self->{user}, signal => $self->{signal} }, @command);
}

# One that is through when it has made something.
sub make
{
    my ($self, $log, @command) = @_;
    waitpid $self->spawn($log, @command), 0;
    croak "$command[0]: " . Playcount::Server::slurp("$self->{root}/$log") if $?;
}

# The server itself: here as soon as it answers.
sub launch
{
    my ($self, $name, @command) = @_;
    $self->{pid} = $self->spawn('log', @command);
    Playcount::Server::wait_until($name, sub {
        croak "$name: " . $self->log if waitpid($self->{pid}, WNOHANG) == $self->{pid};
        return $self->is_up;
    });
    return $self;
}

sub log { Playcount::Server::slurp("$_[0]{root}/log") }

# { song => plays }
sub counts
{
    my ($self, $table) = @_;
    $table //= 'playcount';
    return { map { split /\|/ } split /\n/, $self->query("SELECT * FROM $table") };
}

sub DESTROY
{
    my ($self) = @_;
    return if ($self->{owner} // 0) != $$;
    local ($?, $@, $!);
    Playcount::Process::end($_) for grep { defined } CORE::delete @$self{qw(pid proxy)};
}

1;
