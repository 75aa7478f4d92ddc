# Receivers whose name has two addresses, and which listen on the second one only,
# get what is sent, whether they are there from the start or come later; and so does one
# whose name moves to another address, whether a receiver is left at the old one or not.
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
        LocalAddr => $addresses[1], LocalPort => $port, Proto => 'udp') || die $!;
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
    my $port = Playcount::Server::free_port();
    my $listener = listener($port);
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

# The file stays the one that is mounted; its text changes.
sub name_is
{
    my ($address) = @_;
    open my $file, '>', "$two" or die $!;
    print $file "$address statsd\n";
    close $file;
}

for my $left (0, 1) {
    name_is('127.0.0.4');
    my $port = Playcount::Server::free_port();
    my ($old, $new) = map {
        IO::Socket::INET->new(LocalAddr => $_, LocalPort => $port, Proto => 'udp') || die $!
    } '127.0.0.4', '127.0.0.5';
    my $server = Playcount::Metrics::server(start => 0,
        config => "PlaycountStatsd statsd:$port interval=1\n");
    bless $server, 'Playcount::OtherNames';
    $server->start;
    arrives($old, $server, 'the address that the name has');
    close $old unless $left;
    name_is('127.0.0.5');
    arrives($new, $server, 'the one it moved to, '
        . ($left ? 'with somebody at the old one still' : 'with nobody left at the old one'));
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
