package Playcount::Api;

# What the tests of t/api talk to: the counters that t/conf/extra.conf.in
# configures in the server that Apache::Test has started, each below a location
# of its own and in a zone of its own.
#
#     my $counter = counter('song-count');
#     $counter->answers('POST', '/song/1', 200, '1', 'the first play');
#
# Every test begins with an empty zone.

use strict;
use warnings;
use Apache::Test ();
use Apache::TestRequest ();
use Exporter qw(import);
use Playcount::Client;
use Test::More;

our @EXPORT = qw(counter port_of escape error_log lines_since);

# The port of the server, or of a <VirtualHost name> of the configuration.
sub port_of
{
    my ($name) = @_;
    Apache::TestRequest::module($name) if defined $name;
    my ($port) = Apache::TestRequest::hostport() =~ /:(\d+)$/;
    return $port;
}

# root is where it is, /NAME by default.
sub counter
{
    my ($name, %option) = @_;
    my $self = bless {
        root   => "/$name",
        client => Playcount::Client->new($option{port} // port_of()),
        %option,
    }, __PACKAGE__;
    $self->request('DELETE', '/') unless $option{keep};
    return $self;
}

sub client { $_[0]{client} }
sub root   { $_[0]{root} }

# Send it to this path below the root; see Playcount::Client.
sub request
{
    my ($self, $method, $path, %option) = @_;
    my $answer = $self->{client}->request(
        $method, $self->{root} . $path, again => 1, %option);
    return $answer // { status => 0, headers => {}, content => 'no answer' };
}

sub get  { my $self = shift; return $self->request('GET',  @_)->{content} }
sub post { my $self = shift; return $self->request('POST', @_)->{content} }

# The answer has this status and exactly this body (or matches, for a refusal's
# sentence), and what every answer has.
sub answers
{
    my ($self, $method, $path, $status, $body, $name, %option) = @_;
    # What has ids is UTF-8; counts and sentences are ASCII.
    my $ids = $status == 200 && $method !~ /^(?:DELETE|OPTIONS)$/
        && $path =~ m{^/?(?:\?.*)?\z|^/songs|^/handoff};
    my $type = delete $option{type} // 'text/plain' . ($ids ? '; charset=utf-8' : '');
    my $answer = $self->request($method, $path, %option);
    my $headers = $answer->{headers};

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest $name => sub {
        is $answer->{status}, $status, "$method $path: status";
        ref $body ? like $answer->{content}, $body, 'body'
            : is $answer->{content}, $body, 'body';
        is $headers->{'content-type'}, $type, 'Content-Type';
        is $headers->{'cache-control'}, 'no-store', 'Cache-Control';
        if (!defined $headers->{'transfer-encoding'}) {
            is $headers->{'content-length'}, length $answer->{content},
                'Content-Length' unless $method eq 'HEAD';
        }
    };
    return $answer;
}

# Bytes as a part of a path or a query: everything but letters and digits is
# percent-encoded.
sub escape
{
    my ($bytes) = @_;
    $bytes =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
    return $bytes;
}

sub error_log { return Apache::Test::vars('t_logs') . '/error_log' }

# The lines of the error log from this byte on, and how long it is now.
sub lines_since
{
    my ($from) = @_;
    open my $log, '<:raw', error_log() or die error_log() . ": $!";
    seek $log, $from, 0;
    my @lines = <$log>;
    return (tell $log, @lines);
}

1;
