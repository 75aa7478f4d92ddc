package Playcount::Mariadb;

# A private MariaDB for one test: in a directory of its own below /tmp, on a Unix socket
# there and nowhere else, as the user www-data if the test is root. It is stopped when
# the object goes.
#
#     my $mariadb = Playcount::Mariadb->new;   # undef: not installed
#     $mariadb->query('SELECT ...');           # rows as "a|b" lines
#     $mariadb->kill9; $mariadb->start;
#     $mariadb->dbd                            # DBD directives for httpd

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();
use POSIX qw(:sys_wait_h);

use Playcount::Server;

# The tables of docs/handoff.md.
our $TABLES = <<'EOF';
CREATE TABLE playcount (song varbinary(255) PRIMARY KEY, plays bigint NOT NULL);
CREATE TABLE playcount_handoff (node varbinary(255), zone varbinary(16), batch bigint NOT NULL,
                                PRIMARY KEY (node, zone));
CREATE TABLE playcount_refused (node varbinary(255), zone varbinary(16), song varbinary(765),
                                plays bigint NOT NULL, reason text,
                                retry integer NOT NULL DEFAULT 0, PRIMARY KEY (node, zone, song));
EOF

sub bin
{
    my ($name) = @_;
    my @found = grep { -x } map { "$_/$name" } '/usr/sbin', split /:/, $ENV{PATH};
    return $found[0];
}

sub is_installed
{
    return !grep({ !bin($_) } qw(mariadbd mariadb-install-db mariadb))
        && -e (glob '/usr/lib/*/apr-util-1/apr_dbd_mysql.so')[0];
}

sub new
{
    my ($class, %option) = @_;
    return undef unless is_installed();
    my $self = bless { owner => $$, %option }, $class;
    $self->{temp} = File::Temp->newdir('playcount-mdb-XXXXXX', DIR => '/tmp');
    $self->{root} = "$self->{temp}";
    chmod 0755, $self->{root};
    if ($> == 0) {
        @$self{qw(uid gid)} = (getpwnam 'www-data')[2, 3];
        chown @$self{qw(uid gid)}, $self->{root};
    }
    my $pid = $self->spawn("$self->{root}/install.log", bin('mariadb-install-db'), '--no-defaults',
        "--datadir=$self->{root}/data", '--auth-root-authentication-method=normal',
        '--skip-test-db', '--skip-name-resolve');
    waitpid $pid, 0;
    croak 'mariadb-install-db: ' . Playcount::Server::slurp("$self->{root}/install.log") if $?;
    $self->start;
    $self->query('CREATE DATABASE plays', '');
    $self->query($TABLES);
    return $self;
}

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

sub start
{
    my ($self) = @_;
    $self->{pid} = $self->spawn("$self->{root}/log", bin('mariadbd'), '--no-defaults',
        "--datadir=$self->{root}/data", "--socket=$self->{root}/s", '--skip-networking',
        "--pid-file=$self->{root}/pid", '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=8M', '--performance-schema=OFF', @{ $self->{settings} || [] });
    Playcount::Server::wait_until('MariaDB', sub {
        croak 'MariaDB: ' . $self->log if waitpid($self->{pid}, WNOHANG) == $self->{pid};
        return defined eval { $self->query('SELECT 1', '') };
    });
    return $self;
}

sub query
{
    my ($self, $sql, $database) = @_;
    my $name = $database // 'plays';
    open my $from, '-|', 'sh', '-c', 'exec "$@" 2> /dev/null', 'sh', bin('mariadb'), '--no-defaults', "--socket=$self->{root}/s",
        '-uroot', '-NBr', '--default-character-set=utf8mb4', '-e', $sql, $name eq '' ? () : $name
        or croak "mariadb: $!";
    local $/;
    my $answer = <$from> // '';
    close $from or croak "mariadb: $sql";
    return $answer =~ tr/\t/|/r;
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
    my ($self) = @_;
    return "DBDriver mysql\nDBDParams \"sock=$self->{root}/s,user=root,dbname=plays\"\n";
}

sub kill9
{
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@, $!);
    $self->kill9;
}

1;
