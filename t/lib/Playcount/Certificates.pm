package Playcount::Certificates;

# Certificates for tests, in a directory of their own, made by openssl:
#
#     my $made = Playcount::Certificates->new('ours', 'theirs');    two authorities
#     $made->file('ours.pem')
#     $made->certify(ours => 'node', names => 'IP:127.0.0.1,DNS:redis.example');
#     $made->file('node.pem'), $made->file('node.key')
#
# days => -1 makes one that has expired.

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();

use Playcount::Process;
use Playcount::Server;

sub new
{
    my ($class, @authorities) = @_;
    my $self = bless { dir => File::Temp->newdir('playcount-certificates-XXXXXX', DIR => '/tmp') },
        $class;
    chmod 0755, "$self->{dir}";
    $self->openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj), "/CN=$_ authority",
        '-keyout', "$_.key", '-out', "$_.pem") for @authorities;
    return $self;
}

sub file { my ($self, $name) = @_; return "$self->{dir}/$name" }

sub openssl
{
    my ($self, @words) = @_;
    my $pid = Playcount::Process::start({ dir => "$self->{dir}", out => $self->file('output') },
        'openssl', @words);
    waitpid $pid, 0;
    croak 'openssl: ' . Playcount::Server::slurp($self->file('output')) if $?;
}

sub certify
{
    my ($self, $authority, $name, %option) = @_;
    Playcount::Server::spew($self->file("$name.names"), "subjectAltName=$option{names}\n");
    $self->openssl(qw(req -newkey rsa:2048 -nodes -subj), "/CN=$name", '-keyout', "$name.key",
        '-out', "$name.csr");
    $self->openssl(qw(x509 -req -days), $option{days} // 2, '-in', "$name.csr",
        '-CA', "$authority.pem", '-CAkey', "$authority.key", '-CAcreateserial',
        '-extfile', "$name.names", '-out', "$name.pem");
}

1;
