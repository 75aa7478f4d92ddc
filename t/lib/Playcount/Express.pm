package Playcount::Express;

# Runs playcount-express for a test: on a free port, in a server root of its
# own below /tmp. The server is stopped when the object goes.
#
#     my $express = Playcount::Express->new;
#     my ($status, $output) = $express->run('start-server', '--background');
#     is $express->get('/song/1')->{content}, '0';

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use HTTP::Tiny;
use Playcount::Process;
use Playcount::Server;
use Scalar::Util qw(weaken);

# What is still there at the end of the test is let go then, while all that it
# needs is there too.
my %all;
END { $_ && $_->DESTROY for values %all }

my $TOP = abs_path(dirname(__FILE__) . '/../../..');

sub new
{
    my ($class) = @_;
    my $self = bless {
        temp  => File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp'),
        port  => Playcount::Server::free_port(),
        owner => $$,
    }, $class;
    chmod 0755, "$self->{temp}";
    $self->{root} = "$self->{temp}/server";
    weaken($all{$self} = $self);
    return $self;
}

sub program { "$TOP/playcount-express" }
# Is this command there?
sub has
{
    my ($name) = @_;
    return scalar grep { -x "$_/$name" } split /:/, $ENV{PATH};
}

sub temp    { "$_[0]{temp}" }
sub root    { $_[0]{root} }
sub port    { $_[0]{port} }
sub url     { "http://127.0.0.1:$_[0]{port}" . ($_[1] // '/') }

# The command line of a command with this object's root and port; options of
# the caller come later and so win.
sub command
{
    my ($self, $command, @options) = @_;
    my @own = ('--server-root', $self->{root});
    push @own, '--port', $self->{port} if $command =~ /-server$/;
    return ($^X, program(), $command, @own, @options);
}

# Run it to its end: the exit status and all that it wrote.
sub run
{
    my ($self, @arguments) = @_;
    my $path = "$self->{temp}/output";
    my $pid = $self->spawn($path, $self->command(@arguments));
    waitpid $pid, 0;
    return ($? >> 8, Playcount::Server::slurp($path));
}

# Start a command line with its output into a file; its process id.
sub spawn
{
    my ($self, $path, @command) = @_;
    return Playcount::Process::start({ out => $path }, @command);
}

sub request
{
    my ($self, $method, $path, %option) = @_;
    return HTTP::Tiny->new(timeout => 60)
        ->request($method, $path =~ m{^https?:} ? $path : $self->url($path), \%option);
}

sub get    { my $self = shift; return $self->request('GET',    @_) }
sub post   { my $self = shift; return $self->request('POST',   @_) }
sub delete { my $self = shift; return $self->request('DELETE', @_) }

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$ || !exists $all{$self};
    CORE::delete $all{$self};
    local ($?, $@, $!);
    $self->run('stop');
}

1;
