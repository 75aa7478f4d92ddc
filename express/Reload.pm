package Reload;

# --reload-on-changes: when what the running server was made of has changed, it restarts
# gracefully, and says so. That is the WSGI scripts and what lies below their directories,
# httpd.conf and what it includes, and the module. CGI programs, PHP scripts and files are
# read at each request anyway.
#
# In the foreground the terminal's process watches; with --background a process of its own
# does, which ends with the server and writes to logs/reload_log.

use strict;
use warnings;
use File::Basename qw(basename dirname);
use POSIX qw(:sys_wait_h);
use SafePath;
use Server;
use ServerRoot;
use FileChanges;

our $FILES_MAX = 10_000; # below the directories of scripts

# What editors, Python and applications write while they work is no change.
my $IGNORED_DIRECTORY = qr/^\.|^(?:__pycache__|node_modules)$/;
my $IGNORED_FILE = qr/^[.#]|~$|^4913$|
    \.(?:pyc|pyo|swp|swx|tmp|bak|log|pid|lock|sock|db|db-\w+|sqlite\d?(?:-\w+)?)$/x;

# Files and directories (with a slash) below a directory; no links to directories are
# followed.
sub files_below
{
    my ($option, $top) = @_;
    my @directories = ($top);
    my @files;

    while (defined(my $dir = shift @directories)) {
        next if $dir eq $option->{'server-root'};
        opendir my $handle, $dir or next;
        push @files, "$dir/";
        for my $name (sort readdir $handle) {
            my $path = "$dir/$name";
            lstat $path or next;
            if (-d _) {
                push @directories, $path unless $name =~ $IGNORED_DIRECTORY;
            }
            elsif ((-f _ || -l _) && $name !~ $IGNORED_FILE) {
                push @files, $path;
            }
        }
        return if @files > $FILES_MAX;
    }
    return @files;
}

# httpd.conf and what it includes, as httpd has it; it names them even if there is an error.
sub configuration_files
{
    my ($option) = @_;
    my $pid = open my $out, '-|', 'sh', '-c', 'exec "$@" -t -D DUMP_INCLUDES 2> /dev/null', 'sh',
        Server::command_line($option) or return;
    local $/;
    return (<$out> // '') =~ /^ *\((?:\*|\d+)\) (.+)$/mg;
}

sub scripts
{
    my ($option) = @_;
    return map { $_->{target} } grep { $_->{kind} eq 'wsgi' } @{ $option->{mounts} };
}

# Could there be a new file of an application?
sub is_worth
{
    my ($option, $path, $is_dir) = @_;
    return 0 unless grep { my $dir = dirname($_); $path =~ m{^\Q$dir\E/} } scripts($option);
    return basename($path) !~ ($is_dir ? $IGNORED_DIRECTORY : $IGNORED_FILE);
}

my %is_said;

# Those of one script, or only itself if there are too many.
sub files_of
{
    my ($option, $script) = @_;
    my $dir = dirname($script);
    my @files = files_below($option, $dir);

    say_line("There are more than $FILES_MAX files below $dir: only " . basename($script)
            . " is watched.\n") if !@files && !$is_said{$dir}++;
    return ($script, @files);
}

sub configured
{
    my ($option, $configuration) = @_;
    return ($option->{module}, ServerRoot::conf_path($option), @{ $option->{'include-file'} },
        @$configuration);
}

sub paths
{
    my ($option, $configuration) = @_;
    my %all = map { $_ => 1 } configured($option, $configuration);

    $all{$_} = 1 for map { files_of($option, $_) } scripts($option);
    return keys %all;
}

sub say_line
{
    my ($text) = @_;
    print $text;
    STDOUT->flush;
    return;
}

# Is it of the applications only, and do these run in processes of their own? Then those are
# all that is to be restarted, and no request meets httpd while it has no daemons.
sub is_for_daemons
{
    my ($self, $option, @changed) = @_;
    my %of_httpd = map { $_ => 1 } configured($option, $self->{configuration});

    return $option->{'wsgi-processes'} && !grep { $of_httpd{$_} } @changed;
}

sub restart
{
    my ($option, $pid, $daemons, $check, @changed) = @_;
    my $names = join ', ', map { basename($_) } @changed[0 .. ($#changed < 4 ? $#changed : 4)];

    $names .= ' and ' . (@changed - 5) . ' more' if @changed > 5;
    say_line("Changed: $names. Restarting gracefully.\n");
    return say_line("Restarted.\n") if eval {
        $daemons ? Server::renew_daemons($option, $pid) : Server::graceful($option, $pid, $check);
        1;
    };
    say_line("playcount-express: $@") unless $Server::stopping;
    return;
}

# Before the server starts, so that what changes meanwhile is noticed; nothing if it is not
# wanted.
sub prepare
{
    my ($option) = @_;
    return unless $option->{'reload-on-changes'};
    my @configuration = configuration_files($option);
    my $self = { configuration => \@configuration };

    # While an editor goes on writing, httpd looks at its configuration.
    $self->{watch} = FileChanges->new(sub { return paths($option, \@configuration) },
        sub { return is_worth($option, @_) }, sub {
            Server::drop_check(delete $self->{check});
            $self->{check} = Server::begin_check($option) if $_[0] == 1;
        });
    return $self;
}

# Until this says that the server has ended.
sub watch
{
    my ($self, $option, $pid, $has_ended) = @_;

    while (!$has_ended->()) {
        my @changed = $self->{watch}->wait(0.5) or next;
        restart($option, $pid, is_for_daemons($self, $option, @changed), delete $self->{check},
            @changed);
        @{ $self->{configuration} } = configuration_files($option);
        $self->{watch}->know(@{ $self->{configuration} });
    }
    return;
}

sub in_foreground
{
    my ($self, $option, $pid) = @_;
    my $status;

    local $SIG{CHLD} = sub { }; # ends a wait
    watch($self, $option, $pid, sub {
        $status = $? if !defined $status && waitpid($pid, WNOHANG) == $pid;
        return defined $status;
    });
    return $status;
}

sub in_background
{
    my ($self, $option, $pid) = @_;
    my $path = "$option->{'server-root'}/logs/reload_log";
    my $log = SafePath::create($path) or die "cannot write $path: $!\n";
    my $child = fork // die "cannot start a process: $!\n";

    return if $child;
    POSIX::setsid();
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $log;
    open STDERR, '>&', $log;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    eval { watch($self, $option, $pid, sub { return !kill 0, $pid }) };
    print STDERR $@;
    POSIX::_exit(0);
}

1;
