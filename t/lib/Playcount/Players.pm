package Playcount::Players;

# Clients that play songs as fast as they can, each a process with a connection
# of its own, and write down exactly what they sent and what was acknowledged.
#
#     my $load = Playcount::Players->start($port, clients => 4, songs => 100);
#     ...                        # kill, restart, clear: what the test is about
#     my $result = $load->stop;
#
#     $result->{sent}{ID}        plays of a song that were sent
#     $result->{acked}{ID}       plays of them that were acknowledged
#     $result->{answers}{ID}     the new counts that were answered
#     $result->{broken}          connections that broke under a request
#     $result->{refused}         connections that were refused
#     $result->{other}           answers that were not 200, or did not come in time
#                                (the first ones)
#
# Options: clients (4), songs (10, named "song 1" to "song N"), plays (without
# end; or how many each client sends), requests ("song", "batch", "mixed"),
# retry (1: go on after a broken connection; 0: end there), keep (1: one
# connection; 0: a connection for each request).

use strict;
use warnings;
use File::Temp ();
use IO::Handle;
use Playcount::Client;
use Playcount::Process;
use Storable ();

sub start
{
    my ($class, $port, %option) = @_;
    my $self = bless {
        port => $port, clients => 4, songs => 10, requests => 'song', retry => 1, keep => 1,
        %option,
        temp => File::Temp->newdir('playcount-load-XXXXXX', DIR => '/tmp'),
        pids => [], owner => $$,
    }, $class;

    for my $number (1 .. $self->{clients}) {
        push @{ $self->{pids} },
            Playcount::Process::begin({ signal => 'KILL' }, sub { $self->run($number) });
    }
    return $self;
}

# Wait until this many plays have been acknowledged, by all clients together.
sub wait_for
{
    my ($self, $plays) = @_;
    return Playcount::Server::wait_until("$plays plays", sub { $self->plays >= $plays });
}

# Requests acknowledged up to now.
sub plays
{
    my ($self) = @_;
    my $sum = 0;
    $sum += -s $_ for grep { -e } map { "$self->{temp}/$_.progress" } 1 .. $self->{clients};
    return $sum;
}

sub stop
{
    my ($self) = @_;
    open my $file, '>', "$self->{temp}/stop" or die "$self->{temp}/stop: $!";
    return $self->finish;
}

# What is wrong with these counts ({ID}): the songs that have fewer plays than
# were acknowledged, or more than were sent.
sub wrong_counts
{
    my ($result, $count) = @_;
    my @wrong;
    for my $id (sort keys %{ $result->{sent} }) {
        my ($sent, $acked, $is) = ($result->{sent}{$id}, $result->{acked}{$id}, $count->{$id} // 0);
        push @wrong, "$id: $acked acknowledged, $sent sent, counted $is"
            if $is < $acked || $is > $sent;
    }
    push @wrong, map { "$_: never sent" } grep { !$result->{sent}{$_} } sort keys %$count;
    return @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)];
}

# A listing as {ID => count}.
sub counts
{
    my ($listing) = @_;
    return { $listing =~ /([^,=]+)=(\d+)/g };
}

# Wait for the clients to have sent their plays; the result.
sub finish
{
    my ($self) = @_;
    my %all = (broken => 0, refused => 0, other => [], sent => {}, acked => {}, answers => {});
    for my $number (1 .. $self->{clients}) {
        waitpid $self->{pids}[$number - 1], 0;
        my $part = Storable::retrieve("$self->{temp}/$number");
        $all{$_} += $part->{$_} for qw(broken refused);
        push @{ $all{other} }, @{ $part->{other} };
        for my $id (keys %{ $part->{sent} }) {
            $all{sent}{$id}  += $part->{sent}{$id};
            $all{acked}{$id} += $part->{acked}{$id} // 0;
            push @{ $all{answers}{$id} }, @{ $part->{answers}{$id} || [] };
        }
    }
    $self->{pids} = [];
    return \%all;
}

sub DESTROY
{
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@);
    Playcount::Process::end($_) for @{ $self->{pids} };
}

# --- in a client's process -------------------------------------------------------

# The next request: its bytes, and what it plays, [id, plays] each.
sub next_request
{
    my ($self, $client) = @_;
    my $batch = $self->{requests} eq 'batch' || $self->{requests} eq 'mixed' && rand() < .3;
    my @headers = (headers => $self->{keep} ? [] : ['Connection: close']);

    if (!$batch) {
        my $id = 'song ' . (1 + int rand $self->{songs});
        (my $path = "/song/$id") =~ s/ /%20/g;
        return (Playcount::Client::bytes('POST', $path, @headers), [$id, 1]);
    }
    my %plays;
    $plays{ 'song ' . (1 + int rand $self->{songs}) } = 1 + int rand 3 for 1 .. 5;
    my @plays = map { [$_, $plays{$_}] } sort keys %plays;
    return (Playcount::Client::bytes('POST', '/songs', @headers,
        content => join ',', map { "$_->[0]=$_->[1]" } @plays), @plays);
}

sub acknowledge
{
    my ($result, $answer, @plays) = @_;
    my @counts = $answer->{content} =~ /=(\d+)/g;
    @counts = ($answer->{content}) if @plays == 1 && !@counts;
    for my $i (0 .. $#plays) {
        my ($id, $n) = @{ $plays[$i] };
        $result->{acked}{$id} += $n;
        push @{ $result->{answers}{$id} }, $counts[$i];
    }
}

sub run
{
    my ($self, $number) = @_;
    my %result = (broken => 0, refused => 0, other => [], sent => {}, acked => {}, answers => {});
    my $client = Playcount::Client->new($self->{port});
    open my $progress, '>', "$self->{temp}/$number.progress" or die $!;
    $progress->autoflush(1);
    srand $number;

    for (my $n = 0; !$self->{plays} || $n < $self->{plays}; $n++) {
        last if -e "$self->{temp}/stop";
        if (!eval { $client->connect; 1 }) {
            $result{refused}++;
            select undef, undef, undef, .005;
            next;
        }
        my ($bytes, @plays) = $self->next_request;
        $result{sent}{ $_->[0] } += $_->[1] for @plays;
        my $answer = $client->send($bytes) ? eval { $client->answer('POST') } : undef;
        if ($@) {
            push @{ $result{other} }, $@;
            last;
        }
        if (!$answer) {
            $result{broken}++;
            $client->close;
            last unless $self->{retry};
        }
        elsif ($answer->{status} != 200) {
            push @{ $result{other} }, "$answer->{status} $answer->{content}"
                if @{ $result{other} } < 5;
        }
        else {
            acknowledge(\%result, $answer, @plays);
            print {$progress} '.';
        }
    }
    Storable::store(\%result, "$self->{temp}/$number");
}

1;
