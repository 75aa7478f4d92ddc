package Playcount::Consumer;

# A consumer that takes batches over HTTP into an SQLite file, as docs/handoff.md tells
# one to: the number of the last batch is kept in one transaction with the counts.
#
#     my $consumer = Playcount::Consumer->new($server, "$dir/consumer.db");
#     $consumer->start;              # a process that consumes without end
#     $consumer->kill9;              # it, and what it started
#     $consumer->consume;            # one batch, here: the status of the last request
#     $consumer->counts              # { song => plays }
#
# The file's directory must be one that httpd's children may write to if they are to.

use strict;
use warnings;
use HTTP::Tiny;
use Playcount::Handoff;
use Playcount::Process;
use Playcount::Server;
use Time::HiRes qw(sleep);

sub new
{
    my ($class, $server, $file, $root) = @_;
    sqlite_make($file, 'CREATE TABLE playcount (song TEXT PRIMARY KEY, plays INTEGER);'
        . 'CREATE TABLE last (batch INTEGER); INSERT INTO last VALUES (0);');
    return bless { server => $server, file => $file, root => $root // '', owner => $$ }, $class;
}

sub counts { return sqlite_counts($_[0]{file}) }
sub last   { return sqlite($_[0]{file}, 'SELECT batch FROM last') + 0 }

sub consume
{
    my ($self) = @_;
    my $http = HTTP::Tiny->new(timeout => 10);
    my $url = $self->{server}->url("$self->{root}/handoff");
    my $batch = $http->post($url);
    return $batch->{status} if $batch->{status} != 200;
    my $number = $batch->{headers}{'playcount-batch'};
    my $last = $self->last;
    if ($last < $number) {
        open my $to, '|-', 'sqlite3', '-bail', $self->{file} or die $!;
        print {$to} "BEGIN IMMEDIATE;\nUPDATE last SET batch = $number;\n";
        if ($last <= $batch->{headers}{'playcount-previous'}) {
            for (split /,/, $batch->{content}) {
                my ($song, $plays) = split /=/;
                print {$to} "INSERT INTO playcount VALUES ('$song', $plays) "
                    . "ON CONFLICT (song) DO UPDATE SET plays = plays + $plays;\n";
            }
        }
        print {$to} "COMMIT;\n";
        close $to or return 0;
    }
    return $http->delete("$url/$number")->{status};
}

sub start
{
    my ($self) = @_;
    $self->{pid} = Playcount::Process::begin({ signal => 'KILL' }, sub {
        while (1) { eval { $self->consume }; sleep rand 0.02 }
    });
    return $self;
}

# Its sqlite3 too: only then is its work over.
sub kill9
{
    my ($self) = @_;
    my $pid = CORE::delete $self->{pid} or return;
    Playcount::Process::end($pid);
    Playcount::Server::wait_until('the end of the consumer', sub {
        !grep { $_->{group} == $pid } Playcount::Server::processes() });
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@, $!);
    $self->kill9;
}

1;
