package Playcount::Server;

# A private httpd with mod_playcount for one test: on a free port of the
# loopback interface, in a server root of its own below /tmp, in a process
# group of its own, so that it can be killed exactly. It is stopped when the
# object goes.
#
#     my $server = Playcount::Server->new(
#         host      => '127.0.0.1',  # another address than this
#         run       => [],           # what to put before httpd's command
#         mpm       => 'event',      # or worker, prefork; $PLAYCOUNT_MPM, event
#         processes => 2,            # children (prefork: 8)
#         threads   => 8,            # per child
#         location  => '/',          # where the counter is; undef: nowhere
#         songs     => '1k',         # PlaycountZone default songs=
#         zone_file => '/tmp/...',   # PlaycountZone default file=; 1: in the root
#         modules   => ['status', 'my_module=/path/mod_my.so'],
#         config    => 'text at the end of httpd.conf',
#         start     => 0,            # do not start it yet
#     );
#     is $server->get('/song/1')->{content}, '0';
#
# Where a path is written into the configuration @root@, @port@ and @t@ (the
# directory of the tests) stand for the server's own.

use strict;
use warnings;
use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use Playcount::Ports qw(free_port);
use Playcount::Process;
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(refaddr weaken);
use Time::HiRes qw(sleep time);

# What is still there at the end of the test is let go then, while all that it
# needs is there too.
my %all;
END { $_ && $_->DESTROY for values %all }

our $T = abs_path(dirname(__FILE__) . '/../..');

# Seconds until something that ought to happen has failed. Nothing waits that
# long when it works. PLAYCOUNT_PATIENCE shortens it while a test is written.
our $PATIENCE = $ENV{PLAYCOUNT_PATIENCE} || 60;

sub new
{
    my ($class, %option) = @_;
    my $self = bless {
        mpm       => $ENV{PLAYCOUNT_MPM} || 'event',
        threads   => 8,
        host      => '127.0.0.1',
        run       => [],
        location  => '/',
        modules   => [],
        config    => '',
        log_level => 'info',
        module    => $ENV{PLAYCOUNT_MODULE}
            || dirname($T) . '/build/.libs/mod_playcount.so',
        %option,
        owner => $$,
    }, $class;
    $self->{processes} ||= $self->{mpm} eq 'prefork' ? 8 : 2;
    $self->{temp} = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
    $self->{root} = "$self->{temp}";
    # httpd's children run as another user when the test runs as root.
    chmod 0755, $self->{root};
    for my $dir (qw(conf logs run htdocs)) {
        mkdir "$self->{root}/$dir" or croak "$self->{root}/$dir: $!";
    }
    if ($> == 0) {
        chown scalar(getpwnam 'www-data'), -1, "$self->{root}/htdocs";
    }
    $self->{zone_file} = "$self->{root}/zone"
        if ($self->{zone_file} // '') eq '1';
    $self->{port} = free_port();
    $self->write_config;
    weaken($all{ refaddr $self } = $self);
    $self->start unless exists $option{start} && !$option{start};
    return $self;
}

sub httpd
{
    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin') {
        for my $name (qw(apache2 httpd)) {
            return "$dir/$name" if -x "$dir/$name" && !-d "$dir/$name";
        }
    }
    croak 'no httpd: install apache2-bin';
}

sub modules_dir
{
    for my $dir (qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules
        /usr/libexec/apache2)) {
        return $dir if -d $dir;
    }
    croak "no directory of httpd's modules: install apache2-bin";
}

# The numbers of processes and threads stay as they are configured: no spare
# ones come and go during a test. ServerLimit leaves room for the children of
# an old generation that have not gone yet.
sub mpm_config
{
    my ($self) = @_;
    my ($p, $t) = @$self{qw(processes threads)};

    if ($self->{mpm} eq 'prefork') {
        my $spare = $p + 1;
        return <<"EOF";
ServerLimit $p
StartServers $p
MinSpareServers $p
MaxSpareServers $spare
MaxRequestWorkers $p
EOF
    }
    my $limit   = 4 * $p;
    my $workers = $p * $t;
    my $spare   = $workers + $t;
    return <<"EOF";
ServerLimit $limit
StartServers $p
ThreadLimit $t
ThreadsPerChild $t
MinSpareThreads $workers
MaxSpareThreads $spare
MaxRequestWorkers $workers
EOF
}

# (Re)write httpd.conf from the object's fields; start or graceful reads it.
# Before write_config: a second port, where the same is over TLS, with a certificate of its
# own. undef: openssl made none.
sub listen_tls
{
    my ($self) = @_;
    my $root = $self->{root};
    my $port = free_port();

    my $made = `openssl req -x509 -newkey rsa:2048 -nodes -batch -subj /CN=127.0.0.1 -days 2 -keyout $root/key.pem -out $root/cert.pem 2>&1`;
    if ($?) {
        print STDERR "# $made";
        return;
    }
    $self->{config} .= <<"EOF";
Listen 127.0.0.1:$port
<VirtualHost *:$port>
    SSLEngine On
    SSLCertificateFile $root/cert.pem
    SSLCertificateKeyFile $root/key.pem
</VirtualHost>
EOF
    return $port;
}

sub write_config
{
    my ($self) = @_;
    my $dir = modules_dir();
    my $load = '';

    for my $module ("mpm_$self->{mpm}", 'authz_core', 'authz_host',
        @{ $self->{modules} }) {
        my ($name, $path) = split /=/, $module, 2;
        $path //= "$dir/mod_$name.so";
        $name .= '_module' unless $name =~ /_module$/;
        $load .= "LoadModule $name $path\n";
    }
    my $zone = '';
    if (defined $self->{songs} || defined $self->{zone_file}) {
        $zone = 'PlaycountZone default';
        $zone .= " songs=$self->{songs}"    if defined $self->{songs};
        $zone .= " file=$self->{zone_file}" if defined $self->{zone_file};
    }
    my $location = '';
    if (defined $self->{location}) {
        $location = "<Location \"$self->{location}\">\n"
            . "    SetHandler playcount\n</Location>\n";
    }
    my $user = $> == 0 ? "User www-data\nGroup www-data" : '';
    my $mpm = $self->mpm_config;
    my $text = <<"EOF";
ServerRoot "$self->{root}"
ServerName $self->{host}
Listen $self->{host}:$self->{port}
DefaultRuntimeDir run
PidFile run/httpd.pid
ErrorLog logs/error_log
LogLevel $self->{log_level}
$user
$load
LoadModule playcount_module $self->{module}

$mpm
Timeout 60
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
DocumentRoot "$self->{root}/htdocs"
<Directory />
    Require all granted
    AllowOverride None
</Directory>
$zone
$location
$self->{config}
EOF
    $text =~ s/\@(root|port)\@/$self->{$1}/g;
    $text =~ s/\@t\@/$T/g;
    spew("$self->{root}/conf/httpd.conf", $text);
}

# Replace the configuration at the end; graceful or start puts it in force.
sub set_config
{
    my ($self, $text) = @_;
    $self->{config} = $text;
    $self->write_config;
}

sub command
{
    my ($self) = @_;
    return (@{ $self->{run} }, httpd(), '-d', $self->{root}, '-f', 'conf/httpd.conf');
}

sub root      { $_[0]{root} }
sub port      { $_[0]{port} }
sub pid       { $_[0]{pid} }
sub mpm       { $_[0]{mpm} }
sub zone_file { $_[0]{zone_file} }
sub host      { $_[0]{host} }
sub url       { "http://$_[0]{host}:$_[0]{port}" . ($_[1] // '/') }

# Start it and wait until it answers. Dies with httpd's own words when it
# does not come up; see try_start.
sub start
{
    my ($self) = @_;
    $self->try_start or croak 'httpd did not start: ' . $self->start_output;
    return $self;
}

# Start it; true once it accepts connections, false when it has given up. Its
# children may answer before the parent has written that it is up; a restart is
# told from the start by those lines, so this waits for the first.
sub try_start
{
    my ($self) = @_;
    croak 'it is running' if $self->{pid};
    my $before = $self->generations;
    my $pid = $self->{pid} = Playcount::Process::start({ out => "$self->{root}/logs/start" },
        $self->command, '-DFOREGROUND');
    my $end = time + $PATIENCE;
    while (time < $end) {
        if (waitpid($pid, WNOHANG) == $pid) {
            $self->{status} = $?;
            CORE::delete $self->{pid};
            return 0;
        }
        my $socket = IO::Socket::INET->new(
            PeerAddr => $self->{host}, PeerPort => $self->{port});
        return 1 if $socket && $self->children && $self->generations > $before;
        sleep 0.01;
    }
    $self->kill9_all;
    croak "httpd did not answer within $PATIENCE s: " . $self->start_output;
}

# What httpd said on its way up: its terminal and the end of its error log.
sub start_output
{
    my ($self) = @_;
    my $log = $self->error_log;
    $log = substr $log, -4000 if length $log > 4000;
    return slurp("$self->{root}/logs/start") . $log;
}

# For a start that must fail: what httpd said, or undef when it did start.
sub refusal
{
    my ($self) = @_;
    return $self->start_output unless $self->try_start;
    $self->stop;
    return undef;
}

# Does httpd accept the configuration? The exit status of `httpd -t`, and what
# it says.
sub check_config
{
    my ($self) = @_;
    my $path = "$self->{root}/logs/check";
    waitpid Playcount::Process::start({ out => $path }, $self->command, '-t'), 0;
    return ($? >> 8, slurp($path));
}

# The process ids of the running children, oldest first.
sub children
{
    my ($self) = @_;
    return () unless $self->{pid};
    my @pids = sort { $a <=> $b }
        map { $_->{pid} } grep { $_->{parent} == $self->{pid} } processes();
    return @pids;
}

# All processes that are not zombies: id, parent and process group of each.
sub processes
{
    my @found;
    for my $path (glob '/proc/[0-9]*/stat') {
        # The second field is the name in parentheses and may hold anything.
        my ($pid, $state, $parent, $group) =
            slurp($path) =~ /^(\d+) \(.*\) (\S) (\d+) (\d+) /s or next;
        # A killed process whose first thread has ended lives on, with its
        # sockets and locks, until its last thread has.
        my $threads = () = glob "/proc/$pid/task/*";
        next if $state eq 'X' || $state eq 'Z' && $threads < 2;
        push @found, { pid => $pid, parent => $parent, group => $group };
    }
    return @found;
}

# Wait until the code returns true and return that; die after the patience.
sub wait_until
{
    my ($what, $code) = @_;
    my $end = time + $PATIENCE;
    while (1) {
        my $value = $code->();
        return $value if $value;
        croak "not within $PATIENCE s: $what" if time > $end;
        sleep 0.01;
    }
}

# A graceful restart. Comes back when children of the new generation run and
# those of the old one are gone; with old_may_stay => 1 it does not wait for
# the old ones (which finish requests that are under way).
sub graceful
{
    my ($self, %option) = @_;
    $self->hang_up;
    my %old = map { $_ => 1 } $self->children;
    my $before = $self->generations;
    kill 'USR1', $self->{pid};
    wait_until('graceful restart', sub {
        $self->alive;
        return 0 unless $self->generations > $before;
        my @now = $self->children;
        return 0 unless grep { !$old{$_} } @now;
        return $option{old_may_stay} || !grep { $old{$_} } @now;
    });
    return $self;
}

# How often the parent has (re)started, as the error log tells it.
sub generations
{
    my ($self) = @_;
    return scalar(() = $self->error_log =~ /resuming normal operations/g);
}

# Dies if the parent has ended by itself.
sub alive
{
    my ($self) = @_;
    return 1 if waitpid($self->{pid}, WNOHANG) != $self->{pid};
    $self->{status} = $?;
    CORE::delete $self->{pid};
    croak 'httpd has gone: ' . $self->start_output;
}

# Stop it as `apachectl stop` does, and wait until all its processes are gone.
sub stop
{
    my ($self) = @_;
    return $self->end_with('TERM');
}

# kill -9 the parent and every child at once. Waits until all are gone.
sub kill9_all
{
    my ($self) = @_;
    return $self->end_with('KILL');
}

sub end_with
{
    my ($self, $signal) = @_;
    my $group = CORE::delete $self->{pid} or return $self;
    kill $signal, $signal eq 'KILL' ? -$group : $group;
    waitpid $group, 0;
    $self->{status} = $?;
    # Not before: a worker of event that frees a connection while it is told to end can meet
    # event's own look at its socket, and crash there.
    $self->hang_up;
    wait_until("end of process group $group", sub {
        return 1 unless grep { $_->{group} == $group } processes();
        kill 'KILL', -$group;
        return 0;
    });
    return $self;
}

# kill -9 one child; the parent starts another. Waits until it is gone.
sub kill9_child
{
    my ($self, $pid) = @_;
    # The connection that is kept may be that child's.
    $self->hang_up;
    kill 'KILL', $pid;
    wait_until("end of child $pid", sub {
        return !grep { $_ == $pid } $self->children;
    });
    return $self;
}

sub error_log { slurp("$_[0]{root}/logs/error_log") }

# Wait until the error log matches; the log.
sub wait_for_log
{
    my ($self, $pattern) = @_;
    return wait_until("$pattern in the error log", sub {
        my $log = $self->error_log;
        return $log =~ $pattern ? $log : undef;
    });
}

# HTTP. Each returns what HTTP::Tiny does: a hash with status, content,
# headers; content => and headers => { } may follow the path. The connection
# is kept; hang_up closes it. One that has been idle is not used again: the
# server may be about to close it (KeepAliveTimeout).
sub request
{
    my ($self, $method, $path, %option) = @_;
    $self->hang_up if time - ($self->{used} // 0) > 2;
    $self->{http} ||= HTTP::Tiny->new(
        keep_alive => 1, timeout => $PATIENCE, max_redirect => 0);
    my $url = $path =~ m{^http://} ? $path : $self->url($path);
    my $answer = $self->{http}->request($method, $url, \%option);
    $self->{used} = time;
    return $answer;
}

sub get    { my $self = shift; return $self->request('GET',    @_) }
sub post   { my $self = shift; return $self->request('POST',   @_) }
sub delete { my $self = shift; return $self->request('DELETE', @_) }

sub hang_up { CORE::delete $_[0]{http} }

# A connected socket.
sub socket
{
    my ($self) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => $self->{host}, PeerPort => $self->{port}, Proto => 'tcp')
        or croak "connect to port $self->{port}: $!";
    binmode $socket;
    return $socket;
}

# Send these bytes on a connection of their own and return all that comes
# until the server closes it (so ask with Connection: close, or HTTP/1.0).
sub raw
{
    my ($self, $bytes) = @_;
    my $socket = $self->socket;
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { croak 'the server did not close the connection' };
    alarm $PATIENCE;
    print {$socket} $bytes;
    $socket->flush;
    local $/;
    my $answer = <$socket> // '';
    alarm 0;
    return $answer;
}

sub slurp
{
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return <$file> // '';
}

sub spew
{
    my ($path, $text) = @_;
    open my $file, '>:raw', $path or croak "$path: $!";
    print {$file} $text;
    close $file or croak "$path: $!";
}

sub DESTROY
{
    my ($self) = @_;
    # A forked child of the test must not stop the server of its parent.
    return if $self->{owner} != $$ || !exists $all{ refaddr $self };
    CORE::delete $all{ refaddr $self };
    local ($?, $@);
    eval { $self->stop; 1 } or warn $@;
    if ($ENV{PLAYCOUNT_KEEP}) {
        $self->{temp}->unlink_on_destroy(0);
        print STDERR "# kept $self->{root}\n";
    }
}

1;
