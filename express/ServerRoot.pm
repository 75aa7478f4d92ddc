package ServerRoot;

# The server root: the directory that holds everything, and what is written into it before
# httpd starts.
#
#     httpd.conf       the configuration, rewritten at each start
#     counts           the zone: songs and counts
#     logs/error_log
#     run/httpd.pid
#     htdocs/          empty

use strict;
use warnings;
use Errno ();
use File::Basename qw(dirname);
use File::Path qw(make_path);
use HttpdConf;
use Machine;
use SafePath;

sub conf_path { return "$_[0]{'server-root'}/httpd.conf" }

sub need_safe
{
    my ($path, $name) = @_;
    my $fault = SafePath::fault($path) or return;
    die "$path is not safe to write to: $fault, or choose another $name\n";
}

# httpd runs what its configuration names, as who restarts it.
sub need_own_configuration
{
    my ($option) = @_;
    my $conf = conf_path($option);
    my $fault = SafePath::fault($conf) or return;
    die "$conf may be another user's, whose modules httpd would load as you: $fault,",
        " or do this as that user\n";
}

# What others may have left in it: httpd opens its files by their names, and follows links.
# Files in run are made again, or are mutexes and sockets of the user who serves.
sub need_safe_entries
{
    my ($dir, $files_too) = @_;

    opendir my $handle, $dir or die "cannot read the directory $dir: $!\n";
    for my $path (map { "$dir/$_" } grep { !/^\.\.?\z/ } sort readdir $handle) {
        need_safe($path, '--server-root') if -l $path || ($files_too && -f _);
    }
    return;
}

sub make_directory
{
    my ($dir) = @_;

    make_path($dir, { error => \my $errors });
    die "cannot make the directory $dir: ", (values %{ $errors->[0] })[0], "\n" if @$errors;
    return;
}

sub prepare
{
    my ($option) = @_;
    my $root = $option->{'server-root'};

    need_safe($root, '--server-root');
    for my $dir ($root, map { "$root/$_" } qw(logs run htdocs)) {
        make_directory($dir) unless -d $dir;
    }
    for my $dir ($root, "$root/logs", "$root/run") {
        die "cannot write into the directory $dir: choose another with",
            " --server-root\n" unless -w $dir && -x _;
        need_safe($dir, '--server-root');
    }
    need_safe_entries("$root/logs", 1);
    need_safe_entries("$root/run", 0);
    my $zone = dirname($option->{'zone-file'});
    die "there is no directory $zone for the counts (--zone-file)\n" unless -d $zone;
    die "cannot write into the directory $zone: choose another --zone-file\n"
        unless -w $zone;
    need_safe($option->{'zone-file'}, '--zone-file');
    return;
}

# The database is written by httpd's children: its directory, which is made for
# them if need be, must be theirs.
sub prepare_database
{
    my ($option) = @_;
    my $path = $option->{database} // return;
    my $dir = dirname($path);
    my ($user) = Machine::server_user($option);

    if (!-d $dir) {
        need_safe($dir, '--database');
        make_directory(dirname($dir));
        # Ours to give away only if nobody else was faster.
        mkdir $dir or die "cannot make the directory $dir: $!\n";
        chown((getpwnam $user)[2, 3], $dir) if $> == 0;
    }
    return if Machine::user_can($option, sub { return !grep { !-w } $dir, grep { -e } $path });
    die "the server runs as $user, who cannot write $path or its directory;",
        " choose another --database\n";
}

# httpd writes its pid file again at a graceful restart, and ends if it cannot.
sub need_room
{
    my ($option) = @_;
    my $path = "$option->{'server-root'}/run/room";
    my $file = SafePath::create($path);
    my $ok = $file && print({$file} 'x' x 4096) && close $file;
    my $error = "$!";

    unlink $path;
    die "cannot write into $option->{'server-root'}/run, which a restart needs: $error;",
        " the server goes on as it was\n" unless $ok;
    return;
}

# Nothing runs here, so a pid file is of a server that crashed; httpd would not start for
# it if its number is another process's now.
sub remove_stale_pid_file
{
    my ($option) = @_;
    my $path = "$option->{'server-root'}/run/httpd.pid";
    unlink $path or $!{ENOENT} or die "cannot remove $path, which a crash left: $!\n";
    return;
}

# A file of ours with this text, there as a whole or not at all.
sub write_file
{
    my ($path, $text) = @_;
    my $file;
    my $ok = ($file = SafePath::create("$path.new"))
        && print({$file} $text)
        && close($file) && rename("$path.new", $path);
    my $error = "$!";
    unlink "$path.new" unless $ok;
    die "cannot write $path: $error\n" unless $ok;
    return;
}

sub write_configuration
{
    my ($option) = @_;

    write_file(conf_path($option), HttpdConf::text($option));
    return;
}

1;
