package Machine;

# What there is on this machine: httpd, its modules, users, limits. What is missing dies with
# one sentence that ends in a newline and says what to install.

use strict;
use warnings;
use File::Basename qw(dirname);
use POSIX ();

# The path of httpd.
sub httpd
{
    for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        for my $name (qw(apache2 httpd)) {
            return "$dir/$name" if -f "$dir/$name" && -x _;
        }
    }
    die "there is no httpd on this machine; install the package apache2-bin\n";
}

# Is this module part of httpd itself? Which ones are differs between systems.
my %built_in;

sub is_built_in
{
    my ($name) = @_;

    if (!%built_in) {
        my $httpd = httpd();
        %built_in = map { $_ => 1 } `$httpd -l` =~ /^\s+(?:mod_)?(\w+)\.c$/mg;
    }
    return $built_in{ $name =~ s{^mpm_}{}r }; # an MPM is event.c
}

# The path of one of its modules.
sub module
{
    my ($name) = @_;
    my @dirs = qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules
        /usr/libexec/apache2);
    my $package = $name eq 'wsgi' ? 'libapache2-mod-wsgi-py3' : 'apache2-bin';

    for my $dir (dirname(dirname(httpd())) . '/modules', @dirs) {
        return "$dir/mod_$name.so" if -f "$dir/mod_$name.so";
    }
    die "there is no mod_$name.so on this machine; install the package $package\n";
}

# The path of mod_playcount: another one that the environment names, the one that was built
# here, or the one installed.
sub playcount_module
{
    my ($home) = @_;
    my $built = "$home/build/.libs/mod_playcount.so";

    return $ENV{PLAYCOUNT_MODULE} if ($ENV{PLAYCOUNT_MODULE} // '') =~ m{^/[^"\\\$]+$};
    return $built if -f $built;
    return eval { module('playcount') } // die "there is no $built; build it",
        " with make\n";
}

# The playcount command: built here, installed beside playcount-express, or any; or nothing.
sub playcount_command
{
    my ($home) = @_;
    my ($beside) = grep { -f && -x _ } "$home/build/client/playcount", "$home/playcount";
    return $beside // command('playcount');
}

# The user and group that httpd serves as.
sub server_user
{
    my ($option) = @_;

    return (scalar getpwuid $>, scalar getgrgid((split / /, $))[0])) if $> != 0;
    for my $name ($option->{user} // qw(www-data apache daemon nobody)) {
        my @user = getpwnam $name or next;
        return ($name, $option->{group} // scalar getgrgid $user[3]);
    }
    die "there is no user www-data, apache, daemon or nobody to serve as\n";
}

# What this code says when it runs as the user that the server runs as.
sub user_can
{
    my ($option, $code) = @_;

    return $code->() if $> != 0;
    my ($user, $group) = server_user($option);
    my ($uid, $gid) = (scalar getpwnam $user, scalar getgrnam $group);
    my $pid = fork // die "cannot start a process: $!\n";
    if ($pid == 0) {
        ($(, $)) = ($gid, "$gid $gid");
        ($<, $>) = ($uid, $uid);
        POSIX::_exit($code->() ? 0 : 1);
    }
    waitpid $pid, 0;
    return $? == 0;
}

# The most files that a process of ours may have open.
sub open_files
{
    my $limit = `sh -c 'ulimit -H -n'`;
    return $limit =~ /^(\d+)/ ? $1 : 1048576;
}

# Another command: the path, or nothing.
sub command
{
    my ($name) = @_;
    for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        return "$dir/$name" if $dir ne '' && -f "$dir/$name" && -x _;
    }
    return;
}

1;
