package Playcount::Terminal;

# A program in a terminal of its own (tmux): keys go in, the screen comes out.
#
#     my $terminal = Playcount::Terminal->new({ width => 80, height => 24 }, 'top');
#     $terminal->keys('q');
#     $terminal->shows(qr/.../);        # waits for it; the screen
#     $terminal->lines;
#     $terminal->end;                   # waits for it; the exit status

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();
use Time::HiRes qw(sleep time);

use Playcount::Server;

sub is_there { return system('tmux -V > /dev/null 2>&1') == 0 }

sub new
{
    my ($class, $option, @command) = @_;
    my $dir = File::Temp->newdir('playcount-tty-XXXXXX', DIR => '/tmp');
    my $self = bless { dir => $dir, socket => "$dir/tmux", owner => $$ }, $class;
    my %env = (LC_ALL => 'C.UTF-8', HOME => '/nonexistent', XDG_CONFIG_HOME => '/nonexistent',
        %{ $option->{env} || {} });
    my $quoted = join ' ', map { "'" . s/'/'\\''/gr . "'" } @command;
    my $set = join ' ', map { "$_='$env{$_}'" } sort keys %env;
    Playcount::Server::spew("$dir/run", "trap : INT\nenv -u NO_COLOR -u PLAYCOUNT_METRICS $set $quoted\necho \$? > $dir/status.new\n"
        . "mv $dir/status.new $dir/status\nexec sleep 1000\n");
    $self->{env} = { LC_ALL => 'C.UTF-8' };
    $self->tmux('-f', '/dev/null', 'new-session', '-d', '-x', $option->{width} // 80,
        '-y', $option->{height} // 24, "sh $dir/run");
    return $self;
}

sub tmux
{
    my ($self, @arguments) = @_;
    local %ENV = (%ENV, %{ $self->{env} }, TERM => 'xterm-256color');
    delete $ENV{TMUX};
    open my $out, '-|', 'tmux', '-S', $self->{socket}, @arguments or croak "tmux: $!";
    my $said = do { local $/; <$out> } // '';
    close $out or $arguments[0] eq 'kill-server' or croak "tmux @arguments: it failed";
    return $said;
}

sub keys   { my ($self, @keys) = @_; $self->tmux('send-keys', @keys); return $self }
sub type   { my ($self, $text) = @_; $self->tmux('send-keys', '-l', $text); return $self }
sub resize { my ($self, $w, $h) = @_; $self->tmux('resize-window', '-x', $w, '-y', $h); return $self }

# What is on the screen, as text; with its colours and attributes.
sub screen { return $_[0]->tmux('capture-pane', '-p') }
sub styled { return $_[0]->tmux('capture-pane', '-p', '-e') }

# Wait until the screen matches; the screen.
sub shows
{
    my ($self, $pattern) = @_;
    my $screen;
    my $found = eval {
        Playcount::Server::wait_until("$pattern on the screen", sub {
            $screen = $self->screen;
            return $screen =~ $pattern;
        });
    };
    return $screen if $found;
    print STDERR map { "# |$_\n" } split /\n/, $screen;
    return '';
}

sub end
{
    my ($self) = @_;
    return 0 + Playcount::Server::wait_until('the end of the program', sub {
        return -e "$self->{dir}/status" ? Playcount::Server::slurp("$self->{dir}/status") : undef;
    });
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@);
    $self->tmux('kill-server');
}

1;
