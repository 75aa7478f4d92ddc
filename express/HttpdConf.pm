package HttpdConf;

# The httpd.conf that playcount-express writes, section by section. $option are the checked
# options of playcount-express. What cannot be done dies with one sentence that ends in a
# newline.

use strict;
use warnings;
use Address;
use Application;
use ApplicationConf;
use Machine;
use Php;
use Recorder;
use Tls;

# The first lines say where it serves what; status and others read them there.
sub urls
{
    my ($option) = @_;
    my $address = $option->{addresses}[0];
    return {
        server  => Address::url($address, '/'),
        counter => Address::url($address, $option->{'plays-path'} || '/'),
        page    => Address::url($address, $option->{'metrics-path'}),
    };
}

sub urls_of
{
    my ($conf) = @_;
    my %found;
    open my $file, '<', $conf or return {};
    while (<$file>) {
        $found{$1} = $2 if /^# (server|counter|page): (\S+)$/;
        last if !/^(#|$)/;
    }
    return \%found;
}

sub listen_section
{
    my ($option) = @_;
    my $root = $option->{'server-root'};
    my ($first) = @{ $option->{addresses} };
    my $name = Address::server_name($option);
    my $listen = join "\n", map { 'Listen ' . Address::listen_text($_)
            . ($_->{scheme} eq 'https' ? ' https' : '') } @{ $option->{addresses} };
    my $urls = urls($option);

    return <<"EOF";
# httpd with mod_playcount, written by playcount-express, which writes it again
# at each start: own directives go into a file for --include-file.
#
# server: $urls->{server}
# counter: $urls->{counter}
# page: $urls->{page}

ServerRoot "$root"
ServerName $name:$first->{port}
$listen
DefaultRuntimeDir run
PidFile run/httpd.pid
DocumentRoot htdocs

EOF
}

sub modules_section
{
    my ($option) = @_;
    my @modules = ("mpm_$option->{mpm}", 'unixd', 'watchdog', 'authz_core', 'authz_host',
        'status');

    push @modules, 'reqtimeout' if $option->{'many-connections'};
    push @modules, 'dbd' if defined $option->{database};
    push @modules, 'log_config' if defined $option->{'access-log'};
    push @modules, Application::modules($option), Tls::modules($option);
    my %seen;
    return join('', map { "LoadModule ${_}_module " . Machine::module($_) . "\n" }
            grep { !$seen{$_}++ && !Machine::is_built_in($_) } @modules)
        . Php::load_text($option) . qq(LoadModule playcount_module "$option->{module}"\n\n);
}

sub user_section
{
    my ($option) = @_;
    return '' unless $> == 0;
    my ($user, $group) = Machine::server_user($option);
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
        my $factor = $option->{mpm} eq 'event' ? <<'EOF' : '';
# Each idle thread stands for 16 connections: those between requests take none.
AsyncRequestWorkerFactor 16
EOF
        return <<'EOF' . "$factor\n";
# Connections are kept open between requests.
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
Timeout 60
EOF
    }
    my $files = Machine::open_files();
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
    my $access = access_text($option);

    return <<"EOF";
ErrorLog $log
LogLevel notice playcount:info
$access
EOF
}

# The live page asks every few seconds; that is no line.
sub access_text
{
    my ($option) = @_;
    my $format = $option->{'access-log'}
        // return "# There is no access log (--access-log): the counts are what is to be known.\n";
    my $path = $option->{'log-to-terminal'} ? '/dev/stderr' : 'logs/access_log';

    $format = '%h %t "%r" %>s %B %{ms}^Pr ms %^Pb blocks' if $format eq '';
    $format =~ s/"/\\"/g;
    return qq(CustomLog $path "$format" env=!playcount-page\n);
}

sub counter_section
{
    my ($option) = @_;
    my $songs = defined $option->{songs} ? " songs=$option->{songs}" : '';
    my $path = $option->{'plays-path'};
    my $root = $path || '/';

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
<Location "$root">
    SetHandler playcount
    <RequireAny>
        Require expr "%{REQUEST_METHOD} != 'DELETE'"
        Require local
    </RequireAny>
</Location>
<Location "$path/handoff">
    Require local
</Location>
EOF
}

sub metrics_section
{
    my ($option) = @_;

    return <<"EOF";

# The times, blocks and bytes of the responses, over all processes: a live page, for
# Prometheus, as JSON (?format=json), and on the page of mod_status. For this machine.
PlaycountMetrics On
ExtendedStatus Off
<Location "$option->{'metrics-path'}">
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

sub redis_section
{
    my ($option) = @_;

    return '' unless defined $option->{redis};
    return <<"EOF";

# The counts are those of all servers that use this Redis (--redis).
PlaycountHandoff redis cluster=$option->{redis}
EOF
}

# Where it answers, and what keeps it out elsewhere, is in the error log.
sub lane_section
{
    my ($option) = @_;

    return '' unless $option->{lane} // 1;
    return <<"EOF";

# The simplest requests for songs do without httpd's own work (--no-lane: with it).
PlaycountLane On
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
        \&counter_section, \&metrics_section, \&ApplicationConf::sections,
        \&Tls::section, \&database_section,
        \&redis_section, \&lane_section, \&Recorder::section,
        \&include_section;
}

1;
