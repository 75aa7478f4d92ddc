package Playcount::Cluster;

# Three httpds that deliver into a Redis Cluster of three masters with a replica each:
# what the tests of cluster deliveries have in common. What may happen to them is in
# Playcount::ClusterFaults.
#
# With net => Playcount::Partition, nodes 2 and 3 (a master and the replica of another)
# and server 2 are on its other side.

use strict;
use warnings;
use HTTP::Tiny;
use Test::More;
use Time::HiRes qw(sleep);

use parent qw(Playcount::ClusterFaults);
use Playcount::Handoff;
use Playcount::Load;
use Playcount::Process;
use Playcount::Redis;
use Playcount::Server;

sub new
{
    my ($class, %option) = @_;
    my $net = delete $option{net};
    my $self = bless { net => $net, lost => {} }, $class;
    $self->{redis} = Playcount::Redis->new(masters => 3, replicas => 1,
        $net ? (place => sub { $self->place($_[0] == 2 || $_[0] == 3) }) : (), %option);
    $self->{servers} = [map { $self->new_server($net ? (net_place($net, $_ == 2)) : ()) } 0 .. 2];
    return $self;
}

sub place
{
    my ($self, $is_there) = @_;
    my $net = $self->{net};
    return $is_there
        ? { host => $net->{there_ip}, ask => $net->{ask_ip}, run => [$net->inside] }
        : { host => $net->{here_ip}, ask => $net->{here_ip}, run => [] };
}

sub net_place
{
    my ($net, $is_there) = @_;
    return $is_there ? (host => $net->{ask_ip}, run => [$net->inside]) : ();
}

sub new_server
{
    my ($self, %option) = @_;
    return Playcount::Server->new(
        zone_file => 1, songs => '100k',
        config => 'PlaycountHandoff redis cluster=' . $self->{redis}->addresses
            . " interval=1\n<Location /metrics>\nSetHandler playcount-metrics\n</Location>",
        %option);
}

# How often a server has found a part of the cluster that had forgotten something.
sub forgotten
{
    my ($self) = @_;
    my $n = 0;
    for my $server ($self->servers) {
        $server->hang_up;
        $n += $server->get('/metrics')->{content} =~ /cluster_forgotten_tags_total\S+ (\d+)/ ? $1 : 0;
    }
    return $n;
}

sub redis   { $_[0]{redis} }
sub servers { @{ $_[0]{servers} } }

sub play
{
    my ($self, $server, %plays) = @_;
    $self->{servers}[$server]->hang_up;
    my $answer = $self->{servers}[$server]->post('/songs',
        content => join(',', map { "$_=$plays{$_}" } keys %plays),
        headers => { 'Content-Type' => 'text/plain' });
    $answer->{status} == 200 or die "POST /songs: $answer->{status} $answer->{content}\n";
}

# What the servers' files have, and what only the cluster has since a file was lost.
sub sum
{
    my ($self) = @_;
    my %sum = %{ $self->{lost} };
    for my $server ($self->servers) {
        my $zone = listing($server, '/?local=1');
        $sum{$_} += $zone->{$_} for keys %$zone;
    }
    # A song of other servers only is here with a count of 0.
    delete @sum{ grep { !$sum{$_} } keys %sum };
    return \%sum;
}

sub settles
{
    my ($self, $name) = @_;
    my $sum = $self->sum;
    counts_ok(settle(sub { $self->{redis}->totals }, $sum), $sum, $name);
    counts_ok($self->{redis}->own, $sum, '... and so is what the writers told');
    my $n = 0;
    # More than that only where a file was lost, or what only the cluster had.
    return if $self->{may_show_more};
    for my $server ($self->servers) {
        my $shown = settle(sub { listing($server) }, $sum);
        counts_ok($shown, $sum, '... and what server ' . $n++ . ' shows');
    }
}

# Look at what all servers show, or those that are named, in a process of its own, until
# stop_watching: the numbers that fell.
sub watch
{
    my ($self, @servers) = @_;
    @servers = 0 .. $#{ $self->{servers} } unless @servers;
    pipe my $from, my $to or die "pipe: $!";
    my $parent = $$;
    my $pid = Playcount::Process::begin({}, sub {
        my $stop = 0;
        local $SIG{TERM} = sub { $stop = 1 };
        my @fell;
        my @seen = map { {} } $self->servers;
        until ($stop || getppid != $parent) {
            for my $n (@servers) {
                my $answer = HTTP::Tiny->new(timeout => 5)->get($self->{servers}[$n]->url('/'));
                next unless $answer->{status} == 200;
                my %now = map { split /=/ } split /,/, $answer->{content};
                for (keys %{ $seen[$n] }) {
                    push @fell, "server $n: $_ from $seen[$n]{$_} to " . ($now{$_} // 'none')
                        if ($now{$_} // 0) < $seen[$n]{$_};
                }
                $seen[$n] = \%now;
            }
            sleep 0.1;
        }
        print {$to} map { "$_\n" } @fell[0 .. ($#fell < 20 ? $#fell : 20)];
        close $to;
    });
    close $to;
    $self->{watcher} = [$pid, $from];
}

sub stop_watching
{
    my ($self) = @_;
    my ($pid, $from) = @{ delete $self->{watcher} };
    kill 'TERM', $pid;
    my @fell = <$from>;
    waitpid $pid, 0;
    ok !@fell, '... and no number that a server showed has fallen' or diag @fell;
}

# A fault that is a test of its own, with an eye on what the servers show, or some of them.
sub watched
{
    my ($self, $what, @servers) = @_;
    $self->watch(@servers);
    $self->$what;
    $self->stop_watching;
}

# Do something to the cluster while songs are played on every server.
sub under_load
{
    my ($self, $name, $what) = @_;
    # Songs that are new in each round, too.
    my $prefix = 'r' . ++$self->{rounds} . '-';
    my @loads = map { (Playcount::Load->start($_, clients => 1),
        Playcount::Load->start($_, clients => 1, prefix => $prefix, songs => 3000)) } $self->servers;
    $self->watch;
    sleep 1.5;
    $self->$what;
    sleep 1;
    $_->stop for @loads;
    $self->{redis}->settle;
    $self->stop_watching;
    $self->settles($name);
}

1;
