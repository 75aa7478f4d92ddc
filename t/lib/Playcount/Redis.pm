package Playcount::Redis;

# Real Redis nodes on free ports of the loopback interface, in a directory of their own:
# a cluster of three masters with a replica each, or a single one. They are stopped when
# the object goes.
#
#     my $redis = Playcount::Redis->new(masters => 3, replicas => 1, config => {...});
#     Playcount::Redis->new(masters => 1, cluster => 0);
#     $redis->addresses            127.0.0.1:10001,...
#     $redis->ask($node, 'GET', 'key')
#     $redis->kill9($node); $redis->start($node); $redis->settle;
#
# With tls => {...}, the directives for certificates, each node has a port with TLS as well,
# which is its address then; the nodes themselves talk by TLS, and `ask` without.
#
# With place => sub { my ($node) = @_; ... } it says where each node is: a hash with the
# host that the cluster knows it by, the host to ask, and what to put before its command
# (see Playcount::Partition).

use strict;
use warnings;
use Carp qw(croak);
use File::Temp ();
use IO::Socket::INET;
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

use Playcount::Ports qw(free_port);
use Playcount::Process;
use Playcount::Server;

my %all;
END { local $?; $_ && $_->stop for values %all }

sub new
{
    my ($class, %option) = @_;
    my $self = bless {
        masters => 3, replicas => 0, cluster => 1, config => {}, %option,
        temp => File::Temp->newdir('playcount-redis-XXXXXX', DIR => q(/tmp)),
        owner => $$, nodes => [], asks => {},
    }, $class;
    weaken($all{ $self } = $self);
    my $n = $self->{masters} * (1 + $self->{replicas});
    for my $node (0 .. $n - 1) {
        $self->add_node($node);
    }
    $self->start($_) for 0 .. $n - 1;
    $self->make_cluster if $self->{cluster};
    return $self;
}

sub add_node
{
    my ($self, $node) = @_;
    my %here = (host => '127.0.0.1', ask => '127.0.0.1', run => []);
    push @{ $self->{nodes} }, { %here, $self->{place} ? %{ $self->{place}->($node) } : (),
        port => free_port(1, 10_000) }; # the cluster's own is 10,000 above
    $self->{nodes}[$node]{tls_port} = free_port(1, 10_000) if $self->{tls};
    mkdir "$self->{temp}/$node" or croak "$self->{temp}/$node: $!";
}

sub command_line
{
    my ($self, $node) = @_;
    my %config = (
        'port' => $self->{nodes}[$node]{port}, 'bind' => $self->{place} ? '0.0.0.0' : '127.0.0.1',
        'dir' => "$self->{temp}/$node", 'save' => '""', 'appendonly' => 'no',
        'daemonize' => 'no', 'logfile' => "$self->{temp}/$node/log",
        $self->{cluster} ? ('cluster-enabled' => 'yes', 'cluster-node-timeout' => 1000,
            'cluster-config-file' => 'nodes.conf') : (),
        $self->{place} ? ('protected-mode' => 'no',
            'cluster-announce-ip' => $self->{nodes}[$node]{host}) : (),
        $self->{tls} ? ('tls-port' => $self->{nodes}[$node]{tls_port}, %{ $self->{tls} },
            $self->{cluster} ? ('tls-cluster' => 'yes', 'tls-replication' => 'yes') : ()) : (),
        %{ $self->{config} },
    );
    Playcount::Server::spew("$self->{temp}/$node/redis.conf",
        join '', map { "$_ $config{$_}\n" } sort keys %config);
    return (@{ $self->{nodes}[$node]{run} }, 'redis-server', "$self->{temp}/$node/redis.conf");
}

sub start
{
    my ($self, $node) = @_;
    my @command = $self->command_line($node);
    $self->{nodes}[$node]{pid} = Playcount::Process::start(
        { out => "$self->{temp}/$node/out", append => 1, signal => 'KILL' }, @command);
    delete $self->{asks}{$node};
    Playcount::Server::wait_until("Redis node $node", sub {
        my $pong = eval { $self->ask($node, 'PING') } // '';
        return $pong eq 'PONG' || sleep(0.05) && 0;
    });
}

sub kill9
{
    my ($self, $node) = @_;
    my $pid = delete $self->{nodes}[$node]{pid} or return;
    delete $self->{asks}{$node};
    Playcount::Process::end($pid);
}

# Stop it in its tracks, and let it continue.
sub pause  { my ($self, $node) = @_; kill 'STOP', $self->{nodes}[$node]{pid} }
sub resume { my ($self, $node) = @_; kill 'CONT', $self->{nodes}[$node]{pid} }

sub stop
{
    my ($self) = @_;
    return unless $$ == $self->{owner};
    $self->kill9($_) for 0 .. $#{ $self->{nodes} };
    delete $all{ $self };
}

sub DESTROY { local ($?, $@); $_[0]->stop }

# By which the others of a cluster know it.
sub port_of   { my ($self, $node) = @_; return $self->{nodes}[$node]{tls_port} // $self->{nodes}[$node]{port} }
sub address   { my ($self, $node) = @_; return "$self->{nodes}[$node]{host}:" . $self->port_of($node) }
sub addresses { my ($self) = @_; join ',', map { $self->address($_) } 0 .. $#{ $self->{nodes} } }
sub running   { my ($self) = @_; grep { $self->{nodes}[$_]{pid} } 0 .. $#{ $self->{nodes} } }

# --- the protocol of Redis ---

sub connection
{
    my ($self, $node) = @_;
    return $self->{asks}{$node} //= $self->connect_to($node);
}

sub connect_to
{
    my ($self, $node) = @_;
    return IO::Socket::INET->new(
        PeerAddr => join(':', @{ $self->{nodes}[$node] }{qw(ask port)}), Proto => 'tcp', Timeout => 10)
        // croak "Redis node $node: $!";
}

sub line
{
    my ($socket) = @_;
    my $line = <$socket> // croak 'Redis has closed the connection';
    $line =~ s/\r\n\z//;
    return $line;
}

sub read_reply
{
    my ($socket) = @_;
    my ($type, $rest) = line($socket) =~ /^(.)(.*)$/s;
    return $rest if $type eq '+' || $type eq ':';
    croak "Redis: $rest" if $type eq '-';
    return undef if $rest < 0;
    if ($type eq '$') {
        read $socket, my $bytes, $rest + 2;
        return substr $bytes, 0, $rest;
    }
    my (@list, $error);
    for (1 .. $rest) {
        push @list, eval { read_reply($socket) };
        $error ||= $@;
    }
    croak $error if $error;
    return \@list;
}

# A command to one node; dies of an error. Lists come as references.
sub ask
{
    my ($self, $node, @words) = @_;
    my $socket = eval {
        my $to = $self->connection($node);
        local $SIG{PIPE} = 'IGNORE';
        print {$to} join '', '*', scalar(@words), "\r\n",
            map { ('$', length, "\r\n", $_, "\r\n") } @words
            or die;
        $to->flush;
        $to;
    } // do { delete $self->{asks}{$node}; croak "Redis node $node: $@" };
    my $reply = eval { read_reply($socket) };
    if (my $error = $@) {
        delete $self->{asks}{$node} unless $error =~ /^Redis: /;
        croak $error;
    }
    return $reply;
}

# --- a cluster ---

sub make_cluster
{
    my ($self) = @_;
    my $n = $self->{masters};
    my @all = 0 .. $#{ $self->{nodes} };
    for my $master (0 .. $n - 1) {
        my ($from, $to) = (int(16384 * $master / $n), int(16384 * ($master + 1) / $n) - 1);
        $self->ask($master, 'CLUSTER', 'ADDSLOTSRANGE', $from, $to);
        $self->ask($master, 'CLUSTER', 'SET-CONFIG-EPOCH', $master + 1);
    }
    $self->ask($_, 'CLUSTER', 'MEET', $self->{nodes}[0]{host}, $self->port_of(0)) for @all[1 .. $#all];
    Playcount::Server::wait_until('the cluster knows its nodes', sub {
        my $known = grep { $self->ask($_, 'CLUSTER', 'INFO') =~ /cluster_known_nodes:(\d+)/
            && $1 == @all } @all;
        return $known == @all || sleep(0.05) && 0;
    });
    for my $node ($n .. $#all) {
        my $id = $self->id($node % $n);
        Playcount::Server::wait_until("node $node replicates", sub {
            return eval { $self->ask($node, 'CLUSTER', 'REPLICATE', $id); 1 } || sleep(0.05) && 0;
        });
    }
    $self->settle;
}

sub id { my ($self, $node) = @_; return $self->ask($node, 'CLUSTER', 'MYID') }

# Which of the running nodes are masters, with slots.
sub masters
{
    my ($self) = @_;
    return grep {
        ($self->ask($_, 'ROLE')->[0] // '') eq 'master'
            && (!$self->{cluster} || $self->ask($_, 'CLUSTER', 'NODES') =~ /myself,master.* connected \d/)
    } $self->running;
}

sub replica_of
{
    my ($self, $master) = @_;
    my ($replica) = grep { my $role = $self->ask($_, 'ROLE');
        $role->[0] eq 'slave' && $role->[2] == $self->port_of($master) } $self->running;
    return $replica;
}

# Wait until all slots are served, every running replica follows, and all agree on who
# has what.
sub settle
{
    my ($self) = @_;
    Playcount::Server::wait_until('the cluster is whole', sub {
        my $whole = eval {
            my %maps;
            for my $node ($self->running) {
                die "state\n" unless $self->ask($node, 'CLUSTER', 'INFO') =~ /cluster_state:ok/;
                my $role = $self->ask($node, 'ROLE');
                die "link\n" if $role->[0] eq 'slave' && $role->[3] ne 'connected';
                $maps{ join ' ', map { "$_->[0]-$_->[1]:$_->[2][1]" }
                    sort { $a->[0] <=> $b->[0] } @{ $self->ask($node, 'CLUSTER', 'SLOTS') } } = 1;
            }
            keys %maps == 1;
        };
        return $whole || sleep(0.1) && 0;
    });
}

# Give a slot with its keys to another master, as redis-cli --cluster reshard does.
sub move_slot
{
    my ($self, $slot, $from, $to, %option) = @_;
    $self->begin_move($slot, $from, $to);
    $self->move_keys($slot, $from, $to, %option);
    $self->end_move($slot, $from, $to);
}

sub begin_move
{
    my ($self, $slot, $from, $to) = @_;
    my ($source, $target) = ($self->id($from), $self->id($to));
    $self->ask($to, 'CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $source);
    $self->ask($from, 'CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $target);
}

# All of them, or so many at most.
sub move_keys
{
    my ($self, $slot, $from, $to, %option) = @_;
    my $most = $option{most} // 1e9;
    while (my @keys = @{ $self->ask($from, 'CLUSTER', 'GETKEYSINSLOT', $slot, 3) }) {
        $self->ask($from, 'MIGRATE', $self->{nodes}[$to]{host}, $self->port_of($to), '', 0, 5000,
            'REPLACE', 'KEYS', @keys);
        last if ($most -= @keys) <= 0;
        sleep($option{pause} // 0.05);
    }
}

sub end_move
{
    my ($self, $slot, $from, $to) = @_;
    my $target = $self->id($to);
    $self->ask($to, 'CLUSTER', 'SETSLOT', $slot, 'NODE', $target);
    # One that has given its last slot away is a replica by now.
    eval { $self->ask($from, 'CLUSTER', 'SETSLOT', $slot, 'NODE', $target); 1 }
        or $@ =~ /only with masters/ or die $@;
}

# The slots of a node, of those that the counter's tags are in.
sub tag_slots
{
    my ($self, $node) = @_;
    my $port = $self->{nodes}[$node]{port};
    return grep { $_ % 16 == 0 } map { $_->[0] .. $_->[1] } grep { $_->[2][1] == $port }
        @{ $self->ask($node, 'CLUSTER', 'SLOTS') };
}

# A new master, and a replica of it; it knows all the others.
sub join_nodes
{
    my ($self, $known) = @_;
    my ($new, $replica) = map { $#{ $self->{nodes} } + $_ } 1, 2;
    for my $node ($new, $replica) {
        $self->add_node($node);
        $self->start($node);
        $self->ask($node, 'CLUSTER', 'MEET', $self->{nodes}[$known]{host}, $self->port_of($known));
    }
    my $all = $self->running;
    Playcount::Server::wait_until('the new nodes are known', sub {
        my @know = grep { $self->ask($_, 'CLUSTER', 'INFO') =~ /cluster_known_nodes:(\d+)/
            && $1 == $all } $self->running;
        return @know == $all || sleep(0.1) && 0;
    });
    $self->ask($replica, 'CLUSTER', 'REPLICATE', $self->id($new));
    $self->settle;
    return ($new, $replica);
}

# Nobody shall know it any more, and it ends.
sub leave
{
    my ($self, $node) = @_;
    my $id = $self->id($node);
    for my $other (grep { $_ != $node } $self->running) {
        # A replica does not forget its master.
        eval { $self->ask($other, 'CLUSTER', 'FORGET', $id); 1 } or note($other, $@);
    }
    $self->kill9($node);
}

sub note { my ($node, $what) = @_; warn "node $node: $what" if $what !~ /Unknown node/ }

# --- the counter's keys ---

# All of one kind, by song: 't' the totals, or a writer. From all masters, or from those
# that are named.
sub counts
{
    my ($self, $zone, $kind, @masters) = @_;
    my %sum;
    for my $node (@masters ? @masters : $self->masters) {
        my $cursor = 0;
        do {
            ($cursor, my $keys) = @{ $self->ask($node, 'SCAN', $cursor, 'MATCH',
                "playcount:$zone:{*", 'COUNT', 1000) };
            for my $key (@$keys) {
                my ($epoch, $of) = $key =~ /\}:(\d+):(\w+):\d+$/ or next;
                next unless $kind eq 'own' ? $of ne 't' : $of eq $kind;
                my $hash = eval { $self->ask($node, 'HGETALL', $key) };
                # What is left of a slot that has moved away does not count.
                $hash || $@ =~ /MOVED|ASK/ or die $@;
                my %hash = @{ $hash || [] };
                $sum{$epoch}{$_} += $hash{$_} for keys %hash;
            }
        } while ($cursor);
    }
    my ($last) = sort { $b <=> $a } keys %sum;
    return defined $last ? $sum{$last} : {};
}

sub totals { my ($self, $zone) = @_; return $self->counts($zone // 'default', 't') }
sub own    { my ($self, $zone) = @_; return $self->counts($zone // 'default', 'own') }

1;
