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
use IO::Select;
use IO::Socket::UNIX;
use parent qw(Playcount::Database);
use POSIX ();

use Playcount::Process;
use Playcount::Server;

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
    my $self = bless { signal => 'INT', tables => 1, cut => 0, encoding => 'UTF8', %option },
        $class;
    $self->make_home('postgres');
    $self->make('initdb.log', bin('initdb'), '-D',
        "$self->{root}/data", '-U', 'playcount', '-A', 'trust', '-E', $self->{encoding},
        '--no-locale', '--no-sync');
    $self->start;
    $self->query("$TABLES$REFUSED") if $self->{tables};
    return $self;
}

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
    return $self->launch('PostgreSQL', bin('postgres'),
        '-D', "$self->{root}/data", '-k', $self->{root},
        '-c', 'listen_addresses=', '-c', 'shared_buffers=64MB',
        '-c', 'max_connections=50', '-c', 'dynamic_shared_memory_type=posix',
        map { ('-c', $_) } @{ $self->{settings} || [] });
}

sub is_up
{
    my ($self) = @_;
    waitpid $self->spawn('psql.log', $self->psql('SELECT 1')), 0;
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
    Playcount::Process::end($group, 'KILL');
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
    $self->{proxy} = Playcount::Process::begin({ signal => 'KILL' }, sub {
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';
        while (1) {
            my $client = $listen->accept or next;
            my $child = fork // next;
            next if $child;
            eval { $self->pass_on($client) };
            POSIX::_exit(0);
        }
    });
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

1;
