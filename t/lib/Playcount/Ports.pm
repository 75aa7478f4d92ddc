package Playcount::Ports;

# Ports that are free, on any address, for TCP and UDP, and stay this test's until it ends:
# nobody else takes one between here and the start of the server that is to listen on it,
# nor while that is down.
#
#     free_port()              one
#     free_port(4)             the first of four in a row
#     free_port(6, 10_000)     of six in a row, with the six that are 10,000 above
#
# Other tests keep away from them, as each port has an abstract socket with its number in
# its name, which the kernel lets go with the process that has it. Clients do, as they
# get theirs from another range.

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);

our @EXPORT_OK = qw(free_port);

my @reserved;

sub free_port
{
    my ($n, $above) = @_;
    $n     //= 1;
    $above //= 0;
    my ($from, $to) = range();
    for (1 .. 1000) {
        my $first = $from + int rand($to - $from - $above - $n + 2);
        my @ports = map { my $port = $_; map { $port + $_ } 0 .. $n - 1 }
            $first, $above ? $first + $above : ();
        my @kept = map { reserve($_) } @ports;
        next unless @kept == @ports && @ports == grep { is_free($_) } @ports;
        push @reserved, @kept;
        return $first;
    }
    croak 'no free port';
}

# What the kernel does not give to clients.
sub range
{
    my ($from, $to) = (10000, 31999);
    open my $file, '<', '/proc/sys/net/ipv4/ip_local_port_range' or return ($from, $to);
    my ($low, $high) = (readline($file) // '') =~ /^(\d+)\s+(\d+)/ or return ($from, $to);
    return ($from, $to) if $low > $to;
    return ($from, $low - 1) if $low > 22000;
    return $high < 55000 ? ($high + 1, 65535) : ($from, $to);
}

sub reserve
{
    my ($port) = @_;
    return IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "\0playcount-test-port-$port") // ();
}

sub is_free
{
    my ($port) = @_;
    my %here = (LocalAddr => '0.0.0.0', LocalPort => $port);
    return IO::Socket::INET->new(%here, Proto => 'tcp', Listen => 1, ReuseAddr => 1)
        && IO::Socket::INET->new(%here, Proto => 'udp');
}

1;
