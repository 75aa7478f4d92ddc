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
use parent qw(Playcount::Database);

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
    my $self = bless { signal => 'KILL', %option }, $class;
    $self->make_home('www-data');
    $self->make('install.log', bin('mariadb-install-db'), '--no-defaults',
        "--datadir=$self->{root}/data", '--auth-root-authentication-method=normal',
        '--skip-test-db', '--skip-name-resolve');
    $self->start;
    $self->query('CREATE DATABASE plays', '');
    $self->query($TABLES);
    return $self;
}

sub start
{
    my ($self) = @_;
    return $self->launch('MariaDB', bin('mariadbd'), '--no-defaults',
        "--datadir=$self->{root}/data", "--socket=$self->{root}/s", '--skip-networking',
        "--pid-file=$self->{root}/pid", '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=8M', '--performance-schema=OFF', @{ $self->{settings} || [] });
}

sub is_up { my ($self) = @_; return defined eval { $self->query('SELECT 1', '') } }

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

sub dbd
{
    my ($self) = @_;
    return "DBDriver mysql\nDBDParams \"sock=$self->{root}/s,user=root,dbname=plays\"\n";
}

sub kill9
{
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    Playcount::Process::end($pid);
}

1;
