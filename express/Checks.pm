package Checks;

# What the values of options may be. Each function dies with one sentence that names the
# option and says what it must be; all of playcount-express checks with these.

use strict;
use warnings;
use File::Spec;

sub whole_number
{
    my ($option, $name, $low, $high) = @_;
    my $value = $option->{$name};

    die "--$name must be a whole number from $low to $high, not '$value'\n"
        unless $value =~ /^\d{1,9}$/ && $value >= $low && $value <= $high;
    $option->{$name} = $value + 0;
    return;
}

# An absolute path that can stand between quotes in httpd.conf.
sub path
{
    my ($name, $value) = @_;

    die "--$name needs a path\n" if $value eq '';
    die "--$name must not contain quotes, backslashes, dollar or control",
        " characters: '$value'\n" if $value =~ /["\\\$\x00-\x1f\x7f]/;
    return File::Spec->canonpath(File::Spec->rel2abs($value));
}

# The same of a file that we can read, or of a directory; $what says which, in a sentence.
sub readable_file
{
    my ($name, $value, $what) = @_;
    my $path = path($name, $value);

    -e $path or die "cannot read $what, $path: $!\n";
    -f $path or die "$path is not a file: --$name needs $what\n";
    open my $handle, '<', $path or die "cannot read $what, $path: $!\n";
    return $path;
}

sub directory
{
    my ($name, $value) = @_;
    my $path = path($name, $value);

    die "there is no directory $path (--$name)\n" unless -d $path;
    return $path;
}

sub exclude_each_other
{
    my ($option, $one, $other) = @_;
    die "--$one and --$other exclude each other\n" if $option->{$one} && $option->{$other};
    return;
}

sub host
{
    my ($name, $host) = @_;
    die "--$name is not a host name or an address: '$host'\n"
        unless $host =~ /^[A-Za-z0-9:.*_-]+$/;
    return $host;
}

sub check_mpm
{
    my ($option) = @_;
    my $many = $option->{'many-connections'};

    $option->{mpm} //= 'event';
    die "--mpm must be event, worker or prefork, not '$option->{mpm}'\n"
        unless $option->{mpm} =~ /^(event|worker|prefork)$/;
    die '--many-connections needs --mpm event: under the others every open',
        " connection takes a process or a thread\n"
        if $many && $option->{mpm} ne 'event';
    my $prefork = $option->{mpm} eq 'prefork';
    die "--threads is for event and worker: a process of prefork has one\n"
        if $prefork && defined $option->{threads};
    $option->{processes} //= $prefork ? 64 : $many ? 2 : 4;
    $option->{threads} //= $many ? 3000 : 32;
    whole_number($option, 'processes', 1, $prefork ? 20000 : 2000);
    whole_number($option, 'threads', 1, 20000);
    return;
}

sub check_counts
{
    my ($option) = @_;

    if (defined $option->{songs}) {
        die '--songs must be a number, with k for thousands or m for',
            " millions, not '$option->{songs}'\n"
            unless $option->{songs} =~ /^0*[1-9]\d{0,9}[km]?$/i;
    }
    $option->{'zone-file'} = path('zone-file', $option->{'zone-file'}
            // "$option->{'server-root'}/counts");
    $option->{database} = path('database', $option->{database})
        if defined $option->{database};
    return unless defined $option->{redis};
    die "--redis and --database exclude each other: a zone is delivered once\n"
        if defined $option->{database};
    my $node = qr/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}/;
    die "--redis must be HOST:PORT, or several with commas, not '$option->{redis}'\n"
        unless $option->{redis} =~ /^$node(?:,$node)*$/;
    return;
}

# Who serves, when root starts it; others serve as themselves.
sub check_user
{
    my ($option) = @_;
    my ($user, $group) = @$option{qw(user group)};

    if (defined $user) {
        my $uid = getpwnam $user;
        die "there is no user $user (--user)\n" unless defined $uid;
        die "only root can serve as another user: --user is for root\n" if $> && $uid != $>;
        die "httpd does not serve as root: choose another --user\n" if $uid == 0;
    }
    if (defined $group) {
        my $gid = getgrnam $group;
        die "there is no group $group (--group)\n" unless defined $gid;
        die "only root can serve as another group: --group is for root\n"
            if $> && !grep { $_ == $gid } split / /, $);
    }
    return;
}

sub check_running
{
    my ($option) = @_;
    my $format = $option->{'access-log'} // '';

    die "--access-log must be a LogFormat on one line, without a backslash at its end\n"
        if $format =~ /[\x00-\x1f\x7f]|\\$/;
    $_ = readable_file('include-file', $_, 'the file to include')
        for @{ $option->{'include-file'} };
    exclude_each_other($option, 'log-to-terminal', 'background');
    exclude_each_other($option, 'debug-mode', 'background');
    return;
}

1;
