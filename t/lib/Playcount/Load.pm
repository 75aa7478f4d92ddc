package Playcount::Load;

# Clients that play songs until they are told to stop, whatever becomes of the
# server, and know exactly which plays were acknowledged.
#
#     my $load = Playcount::Load->start($server, clients => 3, songs => 40);
#     ...                           # kill what you like
#     my $played = $load->stop;     # { acked => { song => n }, maybe => { ... } }
#
# A play that was sent but not answered may have counted: it is in `maybe`. With
# repeat => 3 every request has an Idempotency-Key and is sent up to three times,
# also when it was answered the first time (then the same answer must come again:
# what does not is in `wrong`, a list of sentences).
#
# Every fourth request is a batch of several songs, the others play one song.

use strict;
use warnings;
use IO::Socket::INET;
use Playcount::Process;
use Time::HiRes qw(sleep time);

my $PATIENCE = 60;

sub start
{
    my ($class, $server, %option) = @_;
    my $self = bless {
        clients => 3, songs => 40, repeat => 0, prefix => 's', pids => {},
        %option, host => $server->can('host') ? $server->host : '127.0.0.1', port => $server->port,
    }, $class;
    for my $number (1 .. $self->{clients}) {
        pipe my $from, my $to or die "pipe: $!";
        my $pid = Playcount::Process::begin({ signal => 'KILL' }, sub {
            close $from;
            $self->client($number, $to);
        });
        close $to;
        readline $from; # it has begun, and stops when it is told to
        $self->{pids}{$pid} = $from;
    }
    return $self;
}

sub stop
{
    my ($self) = @_;
    my %sum = (acked => {}, maybe => {}, wrong => [], requests => 0);
    kill 'TERM', keys %{ $self->{pids} };
    for my $pid (keys %{ $self->{pids} }) {
        my $from = $self->{pids}{$pid};
        my $whole = 0;
        while (<$from>) {
            chomp;
            my ($kind, $song, $n) = split /\t/;
            if ($kind eq 'end') {
                $whole = 1;
                $sum{requests} += $song;
            } elsif ($kind eq 'wrong') {
                push @{ $sum{wrong} }, $song;
            } else {
                $sum{$kind}{$song} += $n;
            }
        }
        waitpid $pid, 0;
        die "client $pid did not come to its end\n" unless $whole;
    }
    $self->{pids} = {};
    return \%sum;
}

sub client
{
    my ($self, $number, $to) = @_;
    my (%acked, %maybe, @wrong);
    my $stop = 0;
    my $requests = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    local $SIG{PIPE} = 'IGNORE';
    syswrite $to, "begun\n";
    srand($number * 7919 + $$);
    $self->{socket} = undef;
    until ($stop) {
        my ($path, $body, %plays) = $self->request_for($requests++);
        my $key = $self->{repeat} ? "$$-$number-$requests" : undef;
        my $answer = $self->ask($path, $body, $key);
        my $times = 1;
        while ($self->{repeat} && $times < $self->{repeat}
            && (!defined $answer || rand() < 0.2)) {
            $times++;
            my $again = $self->ask($path, $body, $key);
            push @wrong, "$path: first $answer, then $again"
                if defined $answer && defined $again && $answer ne $again;
            $answer //= $again;
        }
        my $sum = defined $answer ? \%acked : \%maybe;
        $sum->{$_} += $plays{$_} for keys %plays;
        sleep 0.002;
    }
    print {$to} "acked\t$_\t$acked{$_}\n" for keys %acked;
    print {$to} "maybe\t$_\t$maybe{$_}\n" for keys %maybe;
    print {$to} "wrong\t$_\n" for @wrong;
    print {$to} "end\t$requests\n";
    close $to;
}

sub request_for
{
    my ($self, $number) = @_;
    my $song = sub { $self->{prefix} . int rand $self->{songs} };
    if ($number % 4) {
        my $id = $song->();
        return ("/song/$id", undef, $id => 1);
    }
    my %plays;
    $plays{ $song->() } = 1 + int rand 9 for 1 .. 5;
    my $body = join ',', map { "$_=$plays{$_}" } sort keys %plays;
    return ('/songs', $body, %plays);
}

# Wait until the server can be reached.
sub connection
{
    my ($self) = @_;
    my $end = time + $PATIENCE;
    until ($self->{socket}) {
        $self->{socket} = IO::Socket::INET->new(
            PeerAddr => $self->{host}, PeerPort => $self->{port}, Proto => 'tcp');
        die "no server within $PATIENCE s\n" if time > $end;
        sleep 0.02 unless $self->{socket};
    }
    return $self->{socket};
}

# The body of a good answer; undef when there was none, or only the beginning of
# one. A refusal is asked again: it has not counted.
sub ask
{
    my ($self, $path, $body, $key) = @_;
    my $request = "POST $path HTTP/1.1\r\nHost: t\r\n";
    $request .= "Idempotency-Key: \"$key\"\r\n" if defined $key;
    $request .= defined $body
        ? "Content-Type: text/plain\r\nContent-Length: " . length($body) . "\r\n\r\n$body"
        : "Content-Length: 0\r\n\r\n";
    while (1) {
        my $socket = $self->connection;
        my ($status, $answer, $close);
        if (syswrite $socket, $request) {
            ($status, $answer, $close) = $self->read_answer;
        }
        undef $self->{socket} if !defined $status || $close;
        return undef if !defined $status;
        return $answer if $status == 200;
        die "$path: $status $answer\n" unless $status == 409 || $status == 503;
        sleep 0.02;
    }
}

sub read_answer
{
    my ($self) = @_;
    my $data = '';
    my ($head, $length);
    while (1) {
        if (!defined $head && $data =~ /\r\n\r\n/) {
            $head = substr $data, 0, $+[0], '';
            ($length) = $head =~ /^Content-Length:\s*(\d+)/mi;
            $length //= 0;
        }
        if (defined $head && length $data >= $length) {
            my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
            return ($status, $data, scalar $head =~ /^Connection:\s*close/mi);
        }
        my $n = sysread $self->{socket}, $data, 65536, length $data;
        next if !defined $n && $!{EINTR};
        return if !$n;
    }
}

sub DESTROY
{
    my ($self) = @_;
    local $?;
    Playcount::Process::end($_) for keys %{ $self->{pids} };
}

1;
