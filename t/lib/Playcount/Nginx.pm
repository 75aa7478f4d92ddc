package Playcount::Nginx;

# An nginx in front of a server: one server block with the given lines, gone with the object.
#
#     my $nginx = Playcount::Nginx->new('location / { proxy_pass http://...; }');
#     $nginx->url('/x');

use strict;
use warnings;
use File::Temp ();
use IO::Socket::INET;
use Playcount::Process;
use Playcount::Server;

my ($COMMAND) = grep { -x } '/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx';

sub is_there { return defined $COMMAND }

sub new
{
    my ($class, $lines) = @_;
    my $root = File::Temp->newdir('playcount-t-nginx-XXXXXX', TMPDIR => 1);
    my $self = bless { root => $root, port => Playcount::Server::free_port() }, $class;
    my $temporary = join '', map { "${_}_temp_path $root/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    my $user = $> ? '' : 'user root;';

    Playcount::Server::spew("$root/nginx.conf", <<"EOF");
daemon off;
$user
pid $root/pid;
error_log $root/error.log;
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    $temporary
    server { listen 127.0.0.1:$self->{port};
$lines
    }
}
EOF
    $self->{owner} = $$;
    $self->{pid} = Playcount::Process::start({ out => "$root/said" }, $COMMAND, '-e', "$root/error.log",
        '-p', "$root", '-c', "$root/nginx.conf");
    Playcount::Server::wait_until('nginx answers', sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
    });
    return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}$_[1]" }

sub DESTROY
{
    my ($self) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    local $?;
    Playcount::Process::end($self->{pid});
    return;
}

1;
