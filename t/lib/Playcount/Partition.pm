package Playcount::Partition;

# Two sides of a network on this machine that can be cut off from each other, made of
# network namespaces:
#
#     here (no namespace)              switch                 there (a namespace)
#     10.213.N.1  ------ veth ------ [ bridge ] ------ veth ------  10.213.N.2
#     10.214.N.1  ---------------------- veth --------------------  10.214.N.2
#
# What talks to each other uses the first line; `cut` takes a port out of the bridge, so
# that packets vanish without a word, `heal` puts it back. The second line is the test's
# own, to ask what is there at any time.
#
#     my $net = Playcount::Partition->new or plan skip_all => Playcount::Partition::why();
#     $net->inside          what to put before a command so that it runs there

use strict;
use warnings;
use Scalar::Util qw(weaken);

my %all;
my $why = '';
END { local $?; $_ && $_->remove for values %all }

sub why { return $why }

sub new
{
    my ($class) = @_;
    my $n = $$ % 250;
    my $self = bless {
        owner => $$, n => $n, switch => "playcount-$$-s", there => "playcount-$$-t",
        here_ip => "10.213.$n.1", there_ip => "10.213.$n.2", ask_ip => "10.214.$n.2",
    }, $class;
    weaken($all{$self} = $self);
    return $self if $self->make;
    $self->remove;
    return;
}

# A word of the command that failed is in why().
sub ip
{
    my ($self, @words) = @_;
    my $said = qx(ip @words 2>&1);
    return 1 unless $?;
    chomp $said;
    $why = "no network namespaces can be made here (ip @words: $said)";
    return 0;
}

sub make
{
    my ($self) = @_;
    my ($s, $t, $n) = @$self{qw(switch there n)};
    my @names = map { "pc" . $$ . $_ } 'a' .. 'f';
    if ($> != 0 || !grep { -x "$_/ip" } split(/:/, $ENV{PATH}), '/sbin', '/usr/sbin') {
        $why = 'network namespaces need root and the program ip (iproute2)';
        return 0;
    }
    for my $line ("netns add $s", "netns add $t",
        "link add $names[0] type veth peer name $names[1]",
        "link add $names[2] type veth peer name $names[3]",
        "link add $names[4] type veth peer name $names[5]",
        "link set $names[1] netns $s", "link set $names[2] netns $s",
        "link set $names[3] netns $t", "link set $names[5] netns $t",
        "-n $s link add bridge type bridge", "-n $s link set bridge up",
        (map { ("-n $s link set $_ master bridge", "-n $s link set $_ up") } @names[1, 2]),
        "addr add 10.213.$n.1/24 dev $names[0]", "link set $names[0] up",
        "addr add 10.214.$n.1/24 dev $names[4]", "link set $names[4] up",
        "-n $t link set lo up",
        "-n $t addr add 10.213.$n.2/24 dev $names[3]", "-n $t link set $names[3] up",
        "-n $t addr add 10.214.$n.2/24 dev $names[5]", "-n $t link set $names[5] up")
    {
        $self->ip($line) or return 0;
    }
    $self->{port} = $names[2];
    $self->{links} = [@names[0, 4]];
    return 1;
}

sub inside { return (qw(ip netns exec), $_[0]{there}) }
sub cut  { my ($self) = @_; $self->ip("-n $self->{switch} link set $self->{port} nomaster") or die "$why\n" }
sub heal { my ($self) = @_; $self->ip("-n $self->{switch} link set $self->{port} master bridge") or die "$why\n" }

sub remove
{
    my ($self) = @_;
    return unless $$ == $self->{owner} && delete $all{$self};
    my $before = $why;
    $self->ip("link del $_") for @{ $self->{links} || [] };
    $self->ip("netns del $_") for @$self{qw(switch there)};
    $why = $before;
}

sub DESTROY { local ($?, $@); $_[0]->remove }

1;
