package Address;

# Where the server listens: the addresses of --host, --port and --listen, each a hash with
# host, port and scheme, as they stand in httpd.conf and as URLs.

use strict;
use warnings;
use Errno ();
use IO::Socket::IP;
use Socket qw(getaddrinfo AI_PASSIVE SOCK_STREAM);
use Checks;

# Sets $option->{addresses}; the first is the one that is said.
sub check
{
    my ($option) = @_;

    $option->{host} //= '127.0.0.1';
    $option->{port} //= 8000;
    Checks::whole_number($option, 'port', 1, 65535);
    Checks::host('host', $option->{host});
    my @addresses = ({ host => $option->{host}, port => $option->{port}, scheme => 'http' });
    push @addresses, map { further('listen', $_, $option->{host}) } @{ $option->{listen} };
    my %seen;
    for my $address (@addresses) {
        my $text = listen_text($address);
        die "--listen: $text is said twice\n" if $seen{$text}++;
    }
    $option->{addresses} = \@addresses;
    Checks::host('server-name', $option->{'server-name'}) if defined $option->{'server-name'};
    return;
}

# '[HOST:]PORT'; an address of IPv6 stands in brackets.
sub further
{
    my ($name, $text, $host) = @_;
    my ($given, $port) = $text =~ /^(?:(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):)?(\d{1,5})$/;

    die "--$name must be PORT or HOST:PORT, not '$text'\n"
        unless defined $port && $port >= 1 && $port <= 65535;
    $host = Checks::host($name, $given =~ s/^\[|\]$//gr) if defined $given;
    return { host => $host, port => $port + 0, scheme => 'http' };
}

sub is_any { return $_[0] =~ /^(\*|0\.0\.0\.0|::)$/ }

sub in_brackets { return $_[0] =~ /:/ ? "[$_[0]]" : $_[0] }

# For a Listen directive.
sub listen_text
{
    my ($address) = @_;
    return in_brackets($address->{host}) . ":$address->{port}";
}

# Where a client on this machine reaches it.
sub local_host
{
    my ($host) = @_;
    return $host eq '::' ? '::1' : is_any($host) ? '127.0.0.1' : $host;
}

sub server_name
{
    my ($option) = @_;
    my $host = $option->{host};
    return $option->{'server-name'} // ($host =~ /:/ || is_any($host) ? 'localhost' : $host);
}

sub url
{
    my ($address, $path) = @_;
    return "$address->{scheme}://" . in_brackets(local_host($address->{host}))
        . ":$address->{port}$path";
}

# Is this address and port free?
sub need_free
{
    my ($address) = @_;
    my ($host, $port) = @$address{qw(host port)};
    my ($error, @found) = getaddrinfo($host eq '*' ? '0.0.0.0' : $host, $port,
        { flags => AI_PASSIVE, socktype => SOCK_STREAM });

    die "--host $host: $error\n" if $error;
    return if IO::Socket::IP->new(LocalAddrInfo => \@found, Listen => 1, ReuseAddr => 1);
    die "port $port of $host is taken: stop what uses it or choose another with --port\n"
        if $!{EADDRINUSE};
    die "port $port needs root; choose one above 1023 with --port\n" if $!{EACCES};
    die "this machine has no address $host (--host)\n" if $!{EADDRNOTAVAIL};
    die "cannot listen on $host, port $port: $!\n";
}

sub answers
{
    my ($address) = @_;
    return IO::Socket::IP->new(PeerHost => local_host($address->{host}),
        PeerPort => $address->{port}, Timeout => 1);
}

1;
