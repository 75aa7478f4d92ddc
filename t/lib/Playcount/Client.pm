package Playcount::Client;

# HTTP on one connection, byte by byte: the request line is sent as it is
# given, and nothing of the answer is hidden.
#
#     my $client = Playcount::Client->new($port);
#     my $answer = $client->request('POST', '/song/1',
#         headers => ['Accept: application/json'], content => '...');
#     $answer->{status}, {reason}, {headers}{'content-type'}, {content}
#
#     $client->send($bytes);                 # any bytes, several requests
#     my $answer = $client->answer('GET');   # the next answer, undef at the end
#
# The connection is made when it is needed, and again when the server has closed it. A
# 100 Continue is counted in {continues}, not answered.

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::INET;

our $PATIENCE = 60;    # seconds until an answer is given up

sub new
{
    my ($class, $port, %option) = @_;
    return bless { port => $port, buffer => '', %option }, $class;
}

sub connect
{
    my ($self) = @_;
    return $self->{socket} if $self->{socket};
    $self->{buffer} = '';
    $self->{socket} = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Proto => 'tcp')
        or croak "connect to port $self->{port}: $!";
    $self->{socket}->autoflush(1);
    binmode $self->{socket};
    return $self->{socket};
}

sub close
{
    my ($self) = @_;
    my $socket = delete $self->{socket} or return;
    CORE::close $socket;
}

# True unless the connection broke before all was sent.
sub send
{
    my ($self, $bytes) = @_;
    my $socket = $self->connect;
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $bytes) {
        my $n = syswrite $socket, $bytes, length($bytes) - $sent, $sent;
        return 0 unless $n;
        $sent += $n;
    }
    return 1;
}

# The bytes of a request. A body has a Content-Length unless a header says
# something else; the version can be given.
sub bytes
{
    my ($method, $path, %option) = @_;
    my @headers = @{ $option{headers} || [] };
    my $version = $option{version} || 'HTTP/1.1';
    my $body = $option{content};

    unshift @headers, 'Host: 127.0.0.1' unless grep { /^Host:/i } @headers;
    push @headers, 'Content-Length: ' . length $body
        if defined $body
        && !grep { /^(?:Content-Length|Transfer-Encoding):/i } @headers;
    return join("\r\n", "$method $path $version", @headers, '', '') . ($body // '');
}

sub request
{
    my ($self, $method, $path, %option) = @_;
    $self->close if $self->is_closed;
    my $sent = $self->send(bytes($method, $path, %option));
    my $answer = $self->answer($method);
    return $answer if $answer || !$option{again};
    $self->send(bytes($method, $path, %option));
    return $self->answer($method);
}

# Whether the server has closed the connection since its last answer.
sub is_closed
{
    my ($self) = @_;
    my $socket = $self->{socket} or return 0;
    return 0 if length $self->{buffer};
    my $ready = '';
    vec($ready, fileno $socket, 1) = 1;
    return select($ready, undef, undef, 0) > 0 && !$self->more;
}

# Read more; false at the end of the connection.
sub more
{
    my ($self) = @_;
    my $socket = $self->{socket} or return 0;
    my $ready = '';
    vec($ready, fileno $socket, 1) = 1;
    select($ready, undef, undef, $PATIENCE)
        or croak "no answer on port $self->{port} within $PATIENCE s";
    my $n = sysread $socket, $self->{buffer}, 65536, length $self->{buffer};
    $self->close unless $n;
    return $n;
}

sub take
{
    my ($self, $length) = @_;
    while (length $self->{buffer} < $length) {
        $self->more or return undef;
    }
    return substr $self->{buffer}, 0, $length, '';
}

sub line
{
    my ($self) = @_;
    my $end;
    while (($end = index $self->{buffer}, "\r\n") < 0) {
        $self->more or return undef;
    }
    return substr $self->take($end + 2), 0, -2;
}

sub head
{
    my ($self) = @_;
    my $first = $self->line // return undef;
    my ($status, $reason) = $first =~ m{^HTTP/1\.1 (\d\d\d)(?: (.*))?$}
        or croak "no status line: $first";
    my %answer = (status => $status, reason => $reason, headers => {});
    while (length(my $line = $self->line // return undef)) {
        my ($name, $value) = $line =~ /^([^:]+):\s*(.*)$/
            or croak "no header: $line";
        $name = lc $name;
        $answer{headers}{$name} =
            defined $answer{headers}{$name}
            ? "$answer{headers}{$name}, $value" : $value;
    }
    return \%answer;
}

sub chunks
{
    my ($self) = @_;
    my $body = '';
    while (1) {
        my $size = hex($self->line // return undef);
        $body .= $self->take($size) // return undef;
        $self->line // return undef;
        return $body unless $size;
    }
}

sub rest
{
    my ($self) = @_;
    1 while $self->more;
    return substr $self->{buffer}, 0, length $self->{buffer}, '';
}

# The next answer to a request with this method; undef when the connection
# ended before one was complete.
sub answer
{
    my ($self, $method) = @_;
    my $continues = 0;
    my $answer;
    while (1) {
        $answer = $self->head // return undef;
        last if $answer->{status} != 100;
        $continues++;
    }
    my $headers = $answer->{headers};
    $answer->{continues} = $continues;
    $answer->{content} =
          $method eq 'HEAD' || $answer->{status} =~ /^(?:204|304)$/ ? ''
        : ($headers->{'transfer-encoding'} // '') eq 'chunked' ? $self->chunks
        : defined $headers->{'content-length'}
        ? $self->take($headers->{'content-length'})
        : $self->rest;
    return undef unless defined $answer->{content};
    $self->close if ($headers->{connection} // '') =~ /close/i;
    return $answer;
}

1;
