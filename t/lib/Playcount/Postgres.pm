package Playcount::Postgres;

# A private PostgreSQL for one test: in a directory of its own below /tmp, on a
# Unix socket there, in a process group of its own. As root it runs as the user
# postgres. It is stopped when the object goes.
#
#     my $postgres = Playcount::Postgres->new;
#     $postgres->query('SELECT ...');          # rows as "a|b" lines
#     $postgres->kill9; $postgres->start;
#     $postgres->dbd                           # DBD directives for httpd
#
# A connection that is cut between a commit and its answer: the directives of
# dbd_cut name a socket that passes everything on, and every time a COMMIT has
# been done drops it, if $cut says so (see cut_next).

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use Playcount::Server;

my $PATIENCE = 60;

our $TABLES = <<'EOF';
CREATE TABLE playcount (song text PRIMARY KEY, plays bigint NOT NULL);
CREATE TABLE playcount_handoff (node text, zone text, batch bigint NOT NULL,
                                PRIMARY KEY (node, zone));
EOF

our $REFUSED = <<'EOF';
CREATE TABLE playcount_refused (node text, zone text, song text, plays bigint NOT NULL,
                                reason text, retry integer NOT NULL DEFAULT 0,
                                PRIMARY KEY (node, zone, song));
EOF

sub bin
{
    my ($name) = @_;
    my @found = grep { -x } map { "$_/$name" }
        reverse(sort glob '/usr/lib/postgresql/*/bin'), split /:/, $ENV{PATH};
    return $found[0] // croak "no $name: install postgresql";
}

sub new
{
    my ($class, %option) = @_;
    my $self = bless { owner => $$, tables => 1, cut => 0, encoding => 'UTF8', %option },
        $class;
    $self->{temp} = File::Temp->newdir('playcount-pg-XXXXXX', DIR => '/tmp');
    $self->{root} = "$self->{temp}";
    chmod 0755, $self->{root};
    if ($> == 0) {
        my ($uid, $gid) = (getpwnam 'postgres')[2, 3];
        croak 'no user postgres: install postgresql' unless defined $uid;
        chown $uid, $gid, $self->{root};
        @$self{qw(uid gid)} = ($uid, $gid);
    }
    my $pid = $self->spawn("$self->{root}/initdb.log", bin('initdb'), '-D',
        "$self->{root}/data", '-U', 'playcount', '-A', 'trust', '-E', $self->{encoding},
        '--no-locale', '--no-sync');
    waitpid $pid, 0;
    croak 'initdb: ' . Playcount::Server::slurp("$self->{root}/initdb.log") if $?;
    $self->start;
    $self->query("$TABLES$REFUSED") if $self->{tables};
    return $self;
}

# A child in its own process group, as the user who may run PostgreSQL.
sub spawn
{
    my ($self, $log, @command) = @_;
    my $pid = fork // croak "fork: $!";
    if ($pid == 0) {
        setpgrp;
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        chdir $self->{root};
        if (defined $self->{uid}) {
            $) = "$self->{gid} $self->{gid}";
            $( = $self->{gid};
            ($<, $>) = ($self->{uid}, $self->{uid});
        }
        exec @command or POSIX::_exit(127);
    }
    return $pid;
}

sub log { Playcount::Server::slurp("$_[0]{root}/log") }

# What was killed may hold its shared memory for a moment longer.
sub start
{
    my ($self) = @_;
    return Playcount::Server::wait_until('a start of PostgreSQL', sub {
        eval { $self->start_once } and return $self;
        die $@ unless $@ =~ /is still in use/;
        return 0;
    });
}

sub start_once
{
    my ($self) = @_;
    unlink "$self->{root}/log";
    $self->{pid} = $self->spawn("$self->{root}/log", bin('postgres'),
        '-D', "$self->{root}/data", '-k', $self->{root},
        '-c', 'listen_addresses=', '-c', 'shared_buffers=64MB',
        '-c', 'max_connections=50', '-c', 'dynamic_shared_memory_type=posix',
        map { ('-c', $_) } @{ $self->{settings} || [] });
    Playcount::Server::wait_until('PostgreSQL', sub {
        croak 'PostgreSQL: ' . $self->log
            if waitpid($self->{pid}, WNOHANG) == $self->{pid};
        return $self->is_up;
    });
    return $self;
}

sub is_up
{
    my ($self) = @_;
    my $pid = $self->spawn("$self->{root}/psql.log", $self->psql('SELECT 1'));
    waitpid $pid, 0;
    return $? == 0;
}

sub psql
{
    my ($self, $sql) = @_;
    return (bin('psql'), '-h', $self->{root}, '-U', 'playcount', '-d', 'postgres',
        '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql);
}

sub query
{
    my ($self, $sql) = @_;
    open my $from, '-|', $self->psql($sql) or croak "psql: $!";
    local $/;
    my $answer = <$from> // '';
    close $from or croak "psql: $sql";
    return $answer;
}

# { song => plays }
sub counts
{
    my ($self, $table) = @_;
    $table //= 'playcount';
    return { map { split /\|/ } split /\n/, $self->query("SELECT * FROM $table") };
}

sub dbd
{
    my ($self, $dir) = @_;
    $dir //= $self->{root};
    return "DBDriver pgsql\nDBDParams \"host=$dir user=playcount dbname=postgres "
        . "connect_timeout=5\"\n";
}

sub kill9
{
    my ($self) = @_;
    my $group = CORE::delete $self->{pid} or return;
    kill 'KILL', $group, -$group;
    waitpid $group, 0;
    # Its children see that it has gone; they are in groups of their own.
    Playcount::Server::wait_until('the end of PostgreSQL', sub {
        my @left = grep { Playcount::Server::slurp("/proc/$_->{pid}/cmdline") =~ /postgres/
            && (readlink("/proc/$_->{pid}/cwd") // '') eq "$self->{root}/data" }
            Playcount::Server::processes();
        kill 'KILL', map { $_->{pid} } @left;
        return !@left;
    });
}

# --- the cutting proxy

sub dbd_cut
{
    my ($self) = @_;
    my $dir = "$self->{root}/cut";
    mkdir $dir;
    chmod 0755, $dir;
    my $listen = IO::Socket::UNIX->new(Local => "$dir/.s.PGSQL.5432", Listen => 20)
        or croak "$dir: $!";
    chmod 0777, "$dir/.s.PGSQL.5432";
    my $pid = fork // croak "fork: $!";
    if ($pid == 0) {
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';
        while (1) {
            my $client = $listen->accept or next;
            my $child = fork // next;
            next if $child;
            eval { $self->pass_on($client) };
            POSIX::_exit(0);
        }
    }
    $self->{proxy} = $pid;
    return $self->dbd($dir);
}

# From now on cut so many times, between a commit and its answer.
sub cut_next
{
    my ($self, $times) = @_;
    mkdir "$self->{root}/cuts";
    Playcount::Server::spew("$self->{root}/cuts/" . $self->{cut}++, '')
        for 1 .. $times;
}

sub cuts_left { scalar(() = glob "$_[0]{root}/cuts/*") }

sub pass_on
{
    my ($self, $client) = @_;
    my $server = IO::Socket::UNIX->new(Peer => "$self->{root}/.s.PGSQL.5432") or return;
    my $select = IO::Select->new($client, $server);
    my $committing = 0;
    while (1) {
        for my $from ($select->can_read) {
            sysread $from, my $data, 65536 or return;
            if ($from == $client) {
                $committing = $data =~ /^Q.{4}COMMIT\0$/s;
                syswrite $server, $data;
            } else {
                # The commit is done. One of the connections that come here takes the
                # cut.
                my ($cut) = $committing ? glob("$self->{root}/cuts/*") : ();
                return if defined $cut && unlink $cut;
                syswrite $client, $data;
            }
        }
    }
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@, $!);
    if (my $proxy = CORE::delete $self->{proxy}) {
        kill 'KILL', $proxy;
        waitpid $proxy, 0;
    }
    my $pid = CORE::delete $self->{pid} or return;
    kill 'INT', $pid;
    waitpid $pid, 0;
}

1;
