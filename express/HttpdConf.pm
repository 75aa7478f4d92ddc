package HttpdConf;

# The httpd.conf that playcount-express writes, section by section, and what it
# has to know of the machine for that. All functions that take $option take the
# checked options of playcount-express. What cannot be done dies with one
# sentence that ends in a newline.

use strict;
use warnings;

# --- the machine -----------------------------------------------------------

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

# The path of one of its modules.
sub module
{
    my ($name) = @_;
    my @dirs = qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules
        /usr/libexec/apache2);

    for my $dir (@dirs) {
        return "$dir/mod_$name.so" if -f "$dir/mod_$name.so";
    }
    die "there is no mod_$name.so on this machine; install the package",
        " apache2-bin\n";
}

# The path of mod_playcount: the one that was built here, or the one installed.
sub playcount_module
{
    my ($home) = @_;
    my $built = "$home/build/.libs/mod_playcount.so";

    return $built if -f $built;
    return eval { module('playcount') } // die "there is no $built; build it",
        " with make\n";
}

# The user and group that httpd changes to when root starts it.
sub server_user
{
    for my $name (qw(www-data apache daemon nobody)) {
        my @user = getpwnam $name or next;
        return ($name, scalar getgrgid $user[3]);
    }
    die "there is no user www-data, apache, daemon or nobody to serve as\n";
}

sub all_writable { return !grep { !-w } @_ }

# Can the user that the server runs as write all of these?
sub server_can_write
{
    my (@paths) = @_;

    if ($> == 0) {
        my ($uid, $gid) = (getpwnam((server_user())[0]))[2, 3];
        my $pid = fork // die "cannot start a process: $!\n";
        if ($pid == 0) {
            ($(, $)) = ($gid, "$gid $gid");
            ($<, $>) = ($uid, $uid);
            exit(all_writable(@paths) ? 0 : 1);
        }
        waitpid $pid, 0;
        return $? == 0;
    }
    return all_writable(@paths);
}

# The most files that a process of ours may have open.
sub open_files
{
    my $limit = `sh -c 'ulimit -H -n'`;
    return $limit =~ /^(\d+)/ ? $1 : 1048576;
}

# --- the sections ----------------------------------------------------------

sub listen_section
{
    my ($option) = @_;
    my $root = $option->{'server-root'};
    my $literal = $option->{host} =~ /:/;
    my $host = $literal ? "[$option->{host}]" : $option->{host};
    my $name = $literal || $host =~ /^(\*|0\.0\.0\.0)$/ ? 'localhost' : $host;

    return <<"EOF";
# httpd with mod_playcount, written by playcount-express, which writes it again
# at each start: own directives go into a file for --include-file.

ServerRoot "$root"
ServerName $name:$option->{port}
Listen $host:$option->{port}
DefaultRuntimeDir run
PidFile run/httpd.pid
DocumentRoot htdocs

EOF
}

sub modules_section
{
    my ($option) = @_;
    my @modules = ("mpm_$option->{mpm}", 'authz_core', 'authz_host', 'status');

    push @modules, 'reqtimeout' if $option->{'many-connections'};
    push @modules, 'dbd' if defined $option->{database};
    return join('', map { "LoadModule ${_}_module " . module($_) . "\n" } @modules)
        . qq(LoadModule playcount_module "$option->{module}"\n\n);
}

sub user_section
{
    return '' unless $> == 0;
    my ($user, $group) = server_user();
    return <<"EOF";
# Started as root, it serves as:
User $user
Group $group

EOF
}

sub prefork_section
{
    my ($option) = @_;
    my $processes = $option->{processes};

    return <<"EOF";
# prefork: a process per connection.
StartServers $processes
ServerLimit $processes
MaxRequestWorkers $processes
MinSpareServers 1
MaxSpareServers $processes

EOF
}

my %reason = (
    event => <<'EOF',
# event: a thread per request that is being answered; connections that are
# open but idle take none, so that nobody waits for somebody else's. With few
# connections that are always busy, worker answers up to 1.6 times as many.
EOF
    worker => <<'EOF',
# worker: a thread per open connection, idle or not. With more connections
# than threads the rest wait: then event is the better choice.
EOF
);

sub threads_section
{
    my ($option) = @_;
    my ($processes, $threads) = @$option{qw(processes threads)};
    my $workers = $processes * $threads;
    my $spare = $workers + $threads;
    my $limit = 2 * $processes;

    return $reason{ $option->{mpm} } . <<"EOF";
# All processes are started at once and stay; twice as many may exist while those
# from before a graceful restart finish their requests.
StartServers $processes
ServerLimit $limit
ThreadLimit $threads
ThreadsPerChild $threads
MaxRequestWorkers $workers
MinSpareThreads $threads
MaxSpareThreads $spare

EOF
}

# An event process accepts as many connections as it has threads, and for each
# idle thread as many more as the factor says; each takes an open file. When all
# threads of a process are busy it closes idle connections: so there are few
# processes, with more threads than there will be slow and asking clients.
sub connections_section
{
    my ($option) = @_;
    if (!$option->{'many-connections'}) {
        return <<'EOF';
# Connections are kept open between requests.
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
Timeout 60

EOF
    }
    my $files = open_files();
    my $factor = int(($files - 200) / $option->{threads}) - 1;
    $factor = 64 if $factor > 64;
    die "--many-connections: a process may open only $files files here, fewer",
        " than three for each thread; raise the limit (ulimit -n) or give fewer",
        " --threads\n" if $factor < 2;
    return <<"EOF";
# Many connections: each idle thread stands for $factor open ones.
AsyncRequestWorkerFactor $factor
ThreadStackSize 262144
ListenBacklog 4096
MaxMemFree 64
KeepAlive On
KeepAliveTimeout 300
MaxKeepAliveRequests 0
Timeout 60

# A request may come in slowly, but not stand still: the client has half a
# minute, and a second more for each byte.
RequestReadTimeout header=30,MinRate=1 body=30,MinRate=1

EOF
}

sub log_section
{
    my ($option) = @_;
    my $log = $option->{'log-to-terminal'} ? '/dev/stderr' : 'logs/error_log';

    return <<"EOF";
# There is no access log: the counts are what is to be known. To have one:
#   CustomLog logs/access_log "%h %t \\"%r\\" %>s %B"
ErrorLog $log
LogLevel notice playcount:info

EOF
}

sub counter_section
{
    my ($option) = @_;
    my $songs = defined $option->{songs} ? " songs=$option->{songs}" : '';

    return <<"EOF";
# The songs and their counts. The file is the memory they are counted in, so
# they are there again after a stop, and after a crash too.
PlaycountZone default$songs "file=$option->{'zone-file'}"

<Directory "/">
    AllowOverride None
    Require all denied
</Directory>

# Everybody may count and ask; clearing and handing over are for this machine.
# (Behind a proxy on this machine every request is local: then let the proxy
# refuse DELETE and /handoff.)
<Location "/">
    SetHandler playcount
    <RequireAny>
        Require expr "%{REQUEST_METHOD} != 'DELETE'"
        Require local
    </RequireAny>
</Location>
<Location "/handoff">
    Require local
</Location>
EOF
}

sub metrics_section
{
    return <<'EOF';

# The times, blocks and bytes of the responses, over all processes: for
# Prometheus, as JSON (/metrics?format=json), and on the page of mod_status. For
# this machine.
PlaycountMetrics On
ExtendedStatus Off
<Location "/metrics">
    SetHandler playcount-metrics
    Require local
</Location>
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>
EOF
}

sub database_section
{
    my ($option) = @_;

    return '' unless defined $option->{database};
    return <<"EOF";

# The plays are handed over to this SQLite database, each exactly once: table
# playcount, columns song and plays. It is opened for each delivery, so that a
# file that was moved away is not written to.
DBDriver sqlite3
DBDParams "$option->{database}"
DBDPersist Off
PlaycountHandoff dbd
EOF
}

sub include_section
{
    my ($option) = @_;
    my @files = @{ $option->{'include-file'} } or return '';

    return join '', "\n# Files given with --include-file.\n",
        map { qq(Include "$_"\n) } @files;
}

# The whole file.
sub text
{
    my ($option) = @_;
    my $mpm = $option->{mpm} eq 'prefork' ? \&prefork_section : \&threads_section;

    return join '', map { $_->($option) } \&listen_section, \&modules_section,
        \&user_section, $mpm, \&connections_section, \&log_section,
        \&counter_section, \&metrics_section, \&database_section,
        \&include_section;
}

1;
