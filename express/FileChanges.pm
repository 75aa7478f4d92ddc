package FileChanges;

# Which of some files have changed since the last time: by the inode, size and time of each.
# inotify says when to look (Linux::Inotify2, Debian's liblinux-inotify2-perl), in the
# directories that hold them, as editors replace files; without it there is a look every half
# second.
#
#     my $watch = FileChanges->new(sub { return @paths }, sub { my ($path, $is_dir) = @_; ... },
#         sub { ... });
#     my @changed = $watch->wait(0.5);    # after 0.5 s at most: none
#
# The first is called at each look; a path with a slash at its end is a directory that may get
# files, and is no file itself. The second says whether what happened to a path that is
# not among them justifies a look. The third, if there is one, is called with 1 at the first sight
# of a change, and with 2 and so on when others follow before they are told.

use strict;
use warnings;
use File::Basename qw(dirname);
use Time::HiRes qw(sleep stat time);

our $POLL = 0.5;        # seconds between looks without inotify
our $SETTLE = 0.1;      # for so long nothing changes any more, before it is said

sub new
{
    my ($class, $paths, $is_worth, $sees) = @_;
    my $self = bless { paths => $paths, is_worth => $is_worth, sees => $sees // sub { },
        looked => time }, $class;

    $self->{inotify} = 1 if !$ENV{PLAYCOUNT_EXPRESS_POLL} && eval { require Linux::Inotify2 };
    $self->{seen} = $self->look;
    return $self;
}

sub state_of
{
    my ($path) = @_;
    my @stat = stat $path or return 'none';
    return join ' ', @stat[1, 7, 9];
}

# The state of all files now. Their directories are watched before the files are listed, so
# that no change comes between.
sub look
{
    my ($self) = @_;
    my @paths = $self->{paths}->();
    my %watched;

    while ($self->{inotify}) {
        my @directories = map { m{^(.+)/$} ? $1 : dirname($_) } @paths;
        last unless grep { !$watched{$_} } @directories;
        %watched = map { $_ => 1 } @directories;
        $self->watch(keys %watched);
        @paths = $self->{paths}->();
    }
    return +{ map { $_ => state_of($_) } grep { !m{/$} } @paths };
}

# A directory that was deleted and made again is another one: all watches are new.
sub watch
{
    my ($self, @directories) = @_;
    my $inotify = Linux::Inotify2->new;
    my $mask = Linux::Inotify2::IN_CLOSE_WRITE() | Linux::Inotify2::IN_MOVE()
        | Linux::Inotify2::IN_CREATE() | Linux::Inotify2::IN_DELETE();

    for my $dir (@directories) {
        $inotify &&= undef unless $inotify && ($inotify->watch($dir, $mask) || $!{ENOENT});
    }
    $self->{inotify} = $inotify; # none, if there are too many: then it polls
    $inotify->blocking(0) if $inotify;
    return;
}

sub concerns_us
{
    my ($self, $event) = @_;
    return 1 if $event->IN_Q_OVERFLOW;
    my $path = $event->fullname;
    return exists $self->{seen}{$path} || $self->{is_worth}->($path, $event->IN_ISDIR);
}

# Is it time to look? Waits for that.
sub is_woken
{
    my ($self, $seconds) = @_;

    if (my $inotify = $self->{inotify}) {
        my $bits = '';
        vec($bits, $inotify->fileno, 1) = 1;
        my $ready = select $bits, undef, undef, $seconds;
        return $ready > 0 && scalar grep { $self->concerns_us($_) } $inotify->read;
    }
    select undef, undef, undef, $seconds < $POLL ? $seconds : $POLL;
    return 0 if time - $self->{looked} < $POLL;
    $self->{looked} = time;
    return 1;
}

sub changed
{
    my ($old, $new) = @_;
    my %all = (%$old, %$new);
    my @changed = sort grep { ($old->{$_} // '') ne ($new->{$_} // '') } keys %all;
    return @changed;
}

sub wait
{
    my ($self, $seconds) = @_;
    return unless delete $self->{again} || $self->is_woken($seconds);

    my $now = $self->look;
    return unless changed($self->{seen}, $now);
    for my $round (1 .. 20) {
        $self->{sees}->($round);
        sleep $SETTLE;
        my $next = $self->look;
        my $is_settled = !changed($now, $next);
        $now = $next;
        last if $is_settled;
    }
    my @changed = changed($self->{seen}, $now);
    $self->{seen} = $now;
    $self->{again} = 1; # what is done about it takes time
    return @changed;
}

# Not reported as changed when first seen.
sub know
{
    my ($self, @paths) = @_;
    $self->{seen}{$_} //= state_of($_) for @paths;
    return;
}

1;
