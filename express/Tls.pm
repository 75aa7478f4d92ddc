package Tls;

# --https-port and --http2. The certificate is self-signed and made at the first start, again
# when it is about to expire or the names that it is for have changed:
#
#     tls/server.crt    for curl --cacert, or a browser that is to trust it
#     tls/server.key    readable for the one who starts the server only
#     tls/names         what it is for
#     tls/openssl.conf  what openssl was asked for

use strict;
use warnings;
use Address;
use Checks;
use Machine;
use SafePath;
use ServerRoot;

our $DAYS = 825; # the most that browsers take

# Adds to $option->{addresses}; after Address::check and Checks::check_mpm.
sub check
{
    my ($option) = @_;

    die "--http2 needs --mpm event or worker\n"
        if $option->{http2} && $option->{mpm} eq 'prefork';
    return unless defined $option->{'https-port'};
    Checks::whole_number($option, 'https-port', 1, 65535);
    my ($port, $host) = @$option{qw(https-port host)};
    die "--https-port and another port are the same, $port\n"
        if grep { $_->{port} == $port } @{ $option->{addresses} };
    Machine::command('openssl')
        or die "there is no openssl on this machine; install the package openssl\n";
    push @{ $option->{addresses} }, { host => $host, port => $port, scheme => 'https' };
    return;
}

sub address
{
    my ($option) = @_;
    my ($address) = grep { $_->{scheme} eq 'https' } @{ $option->{addresses} };
    return $address;
}

sub directory { return "$_[0]{'server-root'}/tls" }
sub certificate { return directory($_[0]) . '/server.crt' }

# --- the certificate -------------------------------------------------------

# As in a certificate: DNS:localhost,IP:127.0.0.1,...
sub names
{
    my ($option) = @_;
    my %seen;

    return join ',', grep { !$seen{$_}++ }
        map { /^[0-9.]+$|:/ ? "IP:$_" : "DNS:$_" }
        grep { defined && !Address::is_any($_) }
        $option->{'server-name'}, $option->{host}, 'localhost', '127.0.0.1', '::1';
}

sub is_good
{
    my ($option) = @_;
    my $dir = directory($option);

    open my $file, '<', "$dir/names" or return 0;
    return (<$file> // '') eq names($option) . "\n"
        && -r "$dir/server.key"
        && `openssl x509 -in '$dir/server.crt' -noout -checkend 86400 2> /dev/null` =~ /will not expire/;
}

sub request_text
{
    my ($option) = @_;
    my $name = Address::server_name($option);
    my $names = names($option);

    return <<"EOF";
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = $name
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $names
EOF
}

# Returns whether a new one was made.
sub prepare
{
    my ($option) = @_;
    return 0 unless address($option);
    my $dir = directory($option);

    ServerRoot::make_directory($dir) unless -d $dir;
    ServerRoot::need_safe($dir, '--server-root');
    return 0 if is_good($option);

    unlink map { "$dir/$_" } qw(server.key server.crt names);
    ServerRoot::write_file("$dir/openssl.conf", request_text($option));
    my $mask = umask 077;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', 'openssl', 'req', '-x509', '-nodes',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', $DAYS,
        '-config', "$dir/openssl.conf", '-keyout', "$dir/server.key", '-out', "$dir/server.crt"
        or die "cannot run openssl: $!\n";
    my $said = do { local $/; <$out> };
    umask $mask;
    close $out or die "openssl made no certificate: $said\n";
    chmod 0644, "$dir/server.crt";
    ServerRoot::write_file("$dir/names", names($option) . "\n");
    return 1;
}

# --- httpd.conf ------------------------------------------------------------

sub modules
{
    my ($option) = @_;
    return ((address($option) ? qw(socache_shmcb ssl) : ()), $option->{http2} ? 'http2' : ());
}

sub section
{
    my ($option) = @_;
    my $address = address($option);
    my $text = $option->{http2} ? "\n# HTTP/2, in clear too (--http2).\nProtocols h2 h2c http/1.1\n" : '';
    return $text unless $address;

    my $dir = directory($option);
    my $name = Address::server_name($option);
    my $rules = defined $option->{'document-root'} && @{ $option->{mounts} }
        ? "    RewriteEngine On\n    RewriteOptions Inherit\n" : '';
    return $text . <<"EOF";

# All of the above with TLS, by a certificate that is signed by itself (--https-port).
SSLSessionCache "shmcb:$option->{'server-root'}/run/tls_sessions(512000)"
<VirtualHost *:$address->{port}>
    ServerName $name:$address->{port}
    SSLEngine On
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLCertificateFile "$dir/server.crt"
    SSLCertificateKeyFile "$dir/server.key"
$rules</VirtualHost>
EOF
}

1;
