# A receiver whose name has two addresses, and who listens on the second one only,
# gets what is sent; whether he is there from the start or comes later.
use strict;
use warnings;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Playcount::Metrics;

my $available = $> == 0
    && system('unshare -m sh -c "mount --bind /etc/hosts /etc/hosts" 2> /dev/null') == 0;
plan skip_all => 'names of its own need root and mount' unless $available;

my $two = File::Temp->new;
print $two "127.0.0.2 statsd\n127.0.0.3 statsd\n";
close $two;
chmod 0644, "$two";
my @addresses = `unshare -m sh -c "mount --bind $two /etc/hosts && getent ahosts statsd"`
    =~ /^(\S+) +DGRAM/mg;
plan skip_all => 'names do not come from /etc/hosts here' unless @addresses == 2;

sub listener
{
    my ($port) = @_;
    return IO::Socket::INET->new(
        LocalAddr => $addresses[1], LocalPort => $port // 0, Proto => 'udp') || die $!;
}

sub arrives
{
    my ($listener, $server, $what) = @_;
    my $select = IO::Select->new($listener);
    ok Playcount::Server::wait_until($what, sub {
        $server->get('/test?blocks=1');
        return 0 unless $select->can_read(0.2);
        $listener->recv(my $datagram, 65536);
        return $datagram =~ /^httpd\.requests:\d+\|c$/m;
    }), $what;
}

for my $mode (qw(aggregate raw)) {
    my $listener = listener();
    my $port = $listener->sockport;
    my $server = Playcount::Metrics::server(start => 0,
        config => "PlaycountStatsd statsd:$port interval=1 mode=$mode\n");
    bless $server, 'Playcount::OtherNames';
    $server->start;
    arrives($listener, $server, "$mode: one who listens on the second address only");
    close $listener;
    my $sent = Playcount::Metrics::json($server)->{metrics}{statsd}{datagrams};
    Playcount::Server::wait_until('datagrams for nobody', sub {
        $server->get('/test?blocks=1');
        return Playcount::Metrics::json($server)->{metrics}{statsd}{datagrams} > $sent + 2;
    });
    arrives(listener($port), $server, "$mode: and one who comes later");
}

done_testing;

package Playcount::OtherNames;

use strict;
use warnings;
our @ISA;
BEGIN { @ISA = ('Playcount::Server') }

sub command
{
    my ($self) = @_;
    return ('unshare', '-m', 'sh', '-c', "mount --bind $two /etc/hosts && exec \"\$@\"",
        'sh', $self->SUPER::command);
}
