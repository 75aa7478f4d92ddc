package Playcount::ClusterFaults;

# What may happen to a cluster and its servers: methods of Playcount::Cluster. Those that
# take a while run under load; the others are tests of their own.

use strict;
use warnings;
use File::Copy qw(copy);
use Time::HiRes qw(sleep);

use Playcount::Handoff;
use Playcount::Server;

sub kill_master
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($master) = $redis->masters;
    $redis->kill9($master);
    Playcount::Server::wait_until('a failover', sub {
        return eval { $redis->masters == 3 } || sleep(0.1) && 0;
    });
    $redis->start($master);
}

# A master is killed whose replica was behind: what was confirmed meanwhile is forgotten.
sub lagging_replica
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($master) = $redis->masters;
    my $replica = $redis->replica_of($master);
    $redis->pause($replica);
    # What was sent already would be read later.
    $redis->ask($master, 'CLIENT', 'KILL', 'TYPE', 'replica');
    my $has = sub { total($redis->counts('default', 't', $master)) };
    my $had = $has->();
    Playcount::Server::wait_until('plays that the replica does not get', sub {
        return $has->() > $had || sleep(0.1) && 0;
    });
    $redis->kill9($master);
    $redis->resume($replica);
    Playcount::Server::wait_until('a failover', sub {
        return eval { $redis->masters == 3 } || sleep(0.1) && 0;
    });
    $redis->start($master);
}

# Every master in turn, each with a replica in its place.
sub kill_masters
{
    my ($self) = @_;
    for (1 .. 3) {
        $self->kill_master;
        $self->{redis}->settle;
    }
}

# Killed and started at once, before a replica takes its place: without AOF it is empty.
sub restart_master
{
    my ($self) = @_;
    my $redis = $self->{redis};
    for my $master ($redis->masters) {
        $redis->kill9($master);
        $redis->start($master);
        $redis->settle;
    }
}

sub kill_both
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $self->kill_master;
    $redis->settle;
    my ($master) = reverse $redis->masters;
    $redis->kill9($master);
    sleep 3;
    $redis->start($master);
}

sub restart_all
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->kill9($_) for $redis->running;
    $redis->start($_) for 0 .. 5;
}

sub fail_over
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($replica) = grep { $redis->ask($_, 'ROLE')->[0] eq 'slave' } $redis->running;
    $redis->ask($replica, 'CLUSTER', 'FAILOVER');
}

sub empty_master
{
    my ($self) = @_;
    my ($master) = $self->{redis}->masters;
    $self->{redis}->ask($master, 'FLUSHALL');
}

# Requests that it got just before come when another is master.
sub pause_master
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($master) = $redis->masters;
    $redis->pause($master);
    sleep 5;
    $redis->resume($master);
}

# The two sides of the network cannot reach each other for longer than a failover takes.
sub partition
{
    my ($self) = @_;
    $self->{net}->cut;
    sleep $self->{cut_for} // 8;
    Playcount::Server::wait_until('a failover, of which one side does not hear', sub {
        return eval { $self->{redis}->masters == 4 } || sleep(0.1) && 0;
    }) unless $self->{cut_for};
    $self->{net}->heal;
}

# Meanwhile a server on the smaller side is cleared. What the others count until they hear
# of it is cleared as well.
sub clear_in_partition
{
    my ($self) = @_;
    $self->play($_, before => 1) for 0 .. 2;
    $self->settles('before a clear in a partition');
    $self->{net}->cut;
    my $answer = $self->{servers}[2]->delete('/');
    $answer->{status} == 200 or die "DELETE /: $answer->{status}\n";
    sleep 4;
    $self->play(0, meanwhile => 1);
    $self->{net}->heal;
    for my $server ($self->servers) {
        Playcount::Server::wait_until('all are cleared', sub {
            my $has = listing($server);
            return !grep({ $has->{$_} } qw(before meanwhile)) || sleep(0.1) && 0;
        });
    }
    $self->{redis}->settle;
    $self->play($_, after => 1 + $_) for 0 .. 2;
    $self->settles('cleared on one side, and everywhere when the network is whole');
}

sub move_a_slot
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($from, $to) = $redis->masters;
    $redis->move_slot(($redis->tag_slots($from))[0], $from, $to);
}

# Some of its keys are here and some there, for a while that nothing is moved in.
sub half_move
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($from, $to) = $redis->masters;
    my ($slot) = $redis->tag_slots($from);
    $redis->begin_move($slot, $from, $to);
    $redis->move_keys($slot, $from, $to, most => 6);
    sleep 6;
    $redis->move_keys($slot, $from, $to);
    $redis->end_move($slot, $from, $to);
}

sub reshard
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($from, $to) = $redis->masters;
    my @slots = $redis->tag_slots($from);
    $redis->move_slot($_, $from, $to, pause => 0) for @slots[0 .. 39];
}

# A master and its replica more, which get slots; then they give them back and go.
sub more_nodes
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($old) = $redis->masters;
    my @slots = ($redis->tag_slots($old))[0 .. 19];
    my ($new, $replica) = $redis->join_nodes($old);
    $redis->move_slot($_, $old, $new, pause => 0) for @slots;
    sleep 3;
    $redis->move_slot($_, $new, $old, pause => 0) for @slots;
    $redis->leave($_) for $replica, $new;
}

# What a master had some time ago comes back, and nobody knows better.
sub old_rdb
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($master) = $redis->masters;
    my $replica = $redis->replica_of($master);
    my $file = "$redis->{temp}/$master/dump.rdb";
    $redis->ask($master, 'SAVE');
    copy($file, "$file.kept") or die "copy: $!\n";
    sleep 4;
    $redis->kill9($_) for $replica, $master;
    unlink "$redis->{temp}/$replica/dump.rdb";
    copy("$file.kept", $file) or die "copy: $!\n";
    $redis->start($master);
    $redis->start($replica);
}

# All of the counter's keys, by hand: those of a node in one step, as the manual says.
sub delete_keys
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($script) = Playcount::Server::slurp("$Playcount::Server::T/../docs/cluster.md")
        =~ /redis-cli .* EVAL "(.*?)" 0/;
    $redis->ask($_, 'EVAL', $script, 0, 'playcount:default:*') for $redis->masters;
}

# The keys of a master one after the other, while servers deliver: what a writer told is
# gone when its total is still there, or the other way round, so totals are wrong. The line
# in the manual puts them right; what servers have read meanwhile they go on showing.
sub delete_one_by_one
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($master) = $redis->masters;
    for my $key (@{ $redis->ask($master, 'KEYS', 'playcount:default:{*') }) {
        $redis->ask($master, 'DEL', $key);
    }
    sleep 2;
    $self->{may_show_more} = 1;
    $self->delete_keys;
}

sub fill_master
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($master) = $redis->masters;
    $redis->ask($master, 'CONFIG', 'SET', 'maxmemory', '1mb');
    sleep 3;
    $redis->ask($master, 'CONFIG', 'SET', 'maxmemory', 0);
}

sub kill_servers
{
    my ($self) = @_;
    for my $server ($self->servers) {
        $server->kill9_all;
        $server->start;
    }
}

# The cluster has a batch, and the server is killed before it knows: with wait=1 and
# replicas that hang, it waits for them just then.
sub killed_before_acknowledgement
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my $server = $self->{servers}[0];
    my $config = $server->{config};
    $redis->settle;
    $server->set_config("$config wait=1");
    $server->kill9_all;
    $server->start;
    $self->play(0, waits => 1);
    $self->settles('before a server is killed between the script and the acknowledgement');
    my @masters = $redis->masters;
    my @replicas = map { $redis->replica_of($_) } @masters;
    for my $n (2 .. 4) {
        $redis->pause($_) for @replicas;
        $self->play(0, waits => 10);
        # The replicas hang, and cannot be asked who is what.
        Playcount::Server::wait_until('the cluster has the batch', sub {
            my $has = $redis->counts('default', 't', @masters)->{waits} // 0;
            return $has == 1 + 10 * ($n - 1) || sleep(0.01) && 0;
        });
        $server->kill9_all;
        $redis->resume($_) for @replicas;
        $server->start;
        $redis->settle;
    }
    $server->set_config($config);
    $server->kill9_all;
    $server->start;
    $self->settles('a server killed before it knows that its batch is in: it counts once');
}

# A key of a wrong type: nothing of its tag is written until it is right again.
sub wrong_type
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($master) = $redis->masters;
    my @songs = map { "many-$_" } 1 .. 5000;
    $self->play(0, map { $_ => 1 } @songs);
    $self->settles('before a key is of a wrong type');
    # One that holds a song that is played then.
    my $key;
    for (grep { /:t:\d+$/ } @{ $redis->ask($master, 'KEYS', 'playcount:*') }) {
        $key = $_ and last if grep { /^many-/ } @{ $redis->ask($master, 'HKEYS', $_) };
    }
    $redis->ask($master, 'RENAME', $key, "$key:kept");
    $redis->ask($master, 'SET', $key, 'no hash');
    for my $server (0 .. 2) {
        $self->play($server, map { $_ => 1 } @songs);
    }
    $_->wait_for_log(qr/WRONGTYPE.*something else has written/) for $self->servers;
    $redis->ask($master, 'RENAME', "$key:kept", $key);
    $self->settles('a key of a wrong type is said in the log, and delivery goes on after');
}

# An older state of a server's file comes back: what was played in between is in the
# cluster only, what comes after it is added.
sub older_file
{
    my ($self) = @_;
    my $server = $self->{servers}[0];
    $self->play(0, old => 5, both => 1);
    $self->settles('an older file: before');
    copy($server->zone_file, $server->zone_file . '.kept') or die "copy: $!\n";
    $self->play(0, both => 10, new => 7, map { ("late-$_" => 2) } 1 .. 1500);
    $self->settles('what was played after the copy was made');
    my $had = listing($server, '/?local=1');
    $server->kill9_all;
    # In its place, as `cp` does it.
    copy($server->zone_file . '.kept', $server->zone_file) or die "copy: $!\n";
    $server->start;
    my $has = listing($server, '/?local=1');
    $self->{lost}{$_} += $had->{$_} - ($has->{$_} // 0) for keys %$had;
    $self->play(0, both => 100, new => 3, old => 1);
    $self->settles('an older file: nothing is counted twice, nothing swallowed');
    # The other servers remember, and show, what only the cluster had and has lost now.
    $self->{may_show_more} = 1;
    $self->{redis}->ask($_, 'FLUSHALL') for $self->{redis}->masters;
    # What only the cluster had is gone; the file's own past, before it forked, is not.
    $self->{lost} = {};
    $self->settles('emptied after that: all that the files have comes back');
}

# A server is started on a copy of another's file, while that one counts on.
sub copied_file
{
    my ($self) = @_;
    my $server = $self->new_server(start => 0);
    $self->play(1, copied => 10);
    $self->settles('a copy: before');
    copy($self->{servers}[1]->zone_file, $server->zone_file) or die "copy: $!\n";
    $server->start;
    my $has = listing($server, '/?local=1');
    push @{ $self->{servers} }, $server;
    $self->{may_show_more} = 1;
    # Counted in both files, played once.
    $self->{lost}{$_} -= $has->{$_} for keys %$has;
    $self->play(1, copied => 1);
    $self->play(3, copied => 100, map { ("copy-$_" => 1) } 1 .. 500);
    $self->settles('a copy: what both have counts once');
}

1;
