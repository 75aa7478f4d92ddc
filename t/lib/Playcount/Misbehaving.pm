package Playcount::Misbehaving;

# A server on a free port of the loopback interface that does with every
# connection what a test tells it to, right or wrong. Each connection has a
# process of its own; all of them end with the object.
#
#     my $server = Playcount::Misbehaving->new(sub {
#         my ($socket, $n) = @_;           # the n-th connection, from 1
#         my $request = request($socket);  # { line, head, body }, undef at the end
#         print {$socket} answer(200, '42');
#         print {$socket} forward($request, $port);  # or a real server's answer
#     });
#     $server->url;
#     $server->requests;                   # all that request() has read so far

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Temp ();
use IO::Socket::INET;
use Playcount::Process;
use POSIX ();

our @EXPORT_OK = qw(request answer forward);

my $log;    # in the processes of a server: where requests are noted

sub new
{
    my ($class, $behaviour, %option) = @_;
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $option{port} // 0,
        Listen    => 128,
        ReuseAddr => 1,
        Proto     => 'tcp',
    ) or croak "listen: $!";
    my $self = bless {
        port  => $listener->sockport,
        log   => File::Temp->new,
        owner => $$,
    }, $class;
    $self->{pid} = Playcount::Process::begin({ signal => 'KILL' }, sub {
        open $log, '>>', $self->{log}->filename or die "log: $!";
        serve($listener, $behaviour);
    });
    return $self;
}

sub serve
{
    my ($listener, $behaviour) = @_;
    my $n = 0;
    local $SIG{CHLD} = 'IGNORE';
    local $SIG{PIPE} = 'IGNORE';
    while (1) {
        my $socket = $listener->accept or next;
        $n++;
        my $pid = fork;
        if (defined $pid && $pid == 0) {
            close $listener;
            binmode $socket;
            $socket->autoflush(1);
            $behaviour->($socket, $n);
            close $socket;
            POSIX::_exit(0);
        }
        close $socket;
    }
}

# Read one request; it is noted for requests().
sub request
{
    my ($socket) = @_;
    local $/ = "\r\n";
    defined(my $line = <$socket>) or return undef;
    my $head = '';
    while (defined(my $field = <$socket>)) {
        last if $field eq "\r\n";
        $head .= $field;
    }
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    my $body = '';
    read $socket, $body, $length if $length;
    $line =~ s/\r\n//;
    if ($log) {
        flock $log, LOCK_EX;
        syswrite $log, pack('N/a* N/a* N/a*', $line, $head, $body);
        flock $log, LOCK_UN;
    }
    return { line => $line, head => $head, body => $body };
}

# An answer as mod_playcount gives it; more header lines may follow the body.
sub answer
{
    my ($status, $body, @headers) = @_;
    my $length = length $body;
    return join "\r\n", "HTTP/1.1 $status Some", "Content-Length: $length",
        (grep { /^Content-Type:/i } @headers) ? () : 'Content-Type: text/plain',
        @headers, '', $body;
}

# Have a request answered by the server on this port: its whole answer.
sub forward
{
    my ($request, $port) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or return '';
    binmode $socket;
    (my $head = $request->{head}) =~ s/^(?:Connection|Expect):.*\r\n//gmi;
    print {$socket} "$request->{line}\r\n${head}Connection: close\r\n\r\n$request->{body}";
    local $/;
    return <$socket> // '';
}

sub url  { "http://127.0.0.1:$_[0]{port}/" }
sub port { $_[0]{port} }

sub requests
{
    my ($self) = @_;
    open my $file, '<:raw', $self->{log}->filename or croak "log: $!";
    local $/;
    my $bytes = <$file> // '';
    my @requests;
    while (length $bytes) {
        my ($line, $head, $body, $rest) = unpack 'N/a* N/a* N/a* a*', $bytes;
        my ($key) = $head =~ /^Idempotency-Key: "(.*)"\r$/m;
        push @requests, { line => $line, head => $head, body => $body, key => $key };
        $bytes = $rest;
    }
    return @requests;
}

sub stop
{
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    local $?;
    Playcount::Process::end($pid);
}

sub DESTROY
{
    my ($self) = @_;
    $self->stop if $self->{owner} == $$;
}

1;
