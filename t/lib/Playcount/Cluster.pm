package Playcount::Cluster;

# Three httpds that deliver into a Redis Cluster of three masters with a replica each,
# and the faults that befall it: what the tests of cluster deliveries have in common.

use strict;
use warnings;
use File::Copy qw(copy);
use HTTP::Tiny;
use Test::More;
use Time::HiRes qw(sleep);

use Playcount::Handoff;
use Playcount::Load;
use Playcount::Redis;
use Playcount::Server;

sub new
{
    my ($class, %option) = @_;
    my $self = bless {
        redis => Playcount::Redis->new(masters => 3, replicas => 1, %option),
        lost => {},
    }, $class;
    $self->{servers} = [map { $self->new_server } 1 .. 3];
    return $self;
}

sub new_server
{
    my ($self, %option) = @_;
    return Playcount::Server->new(
        zone_file => 1, songs => '10k',
        config => 'PlaycountHandoff redis cluster=' . $self->{redis}->addresses
            . ' interval=1', %option);
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

# Look at what all servers show, in a process of its own, until stop_watching: the
# numbers that fell.
sub watch
{
    my ($self) = @_;
    pipe my $from, my $to or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my $stop = 0;
        local $SIG{TERM} = sub { $stop = 1 };
        my @fell;
        my @seen = map { {} } $self->servers;
        until ($stop) {
            for my $n (0 .. $#seen) {
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
        require POSIX;
        POSIX::_exit(0);
    }
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

# Do something to the cluster while songs are played on every server.
sub under_load
{
    my ($self, $name, $what) = @_;
    my @loads = map { Playcount::Load->start($_, clients => 1) } $self->servers;
    $self->watch;
    sleep 1.5;
    $self->$what;
    sleep 1;
    $_->stop for @loads;
    $self->{redis}->settle;
    $self->stop_watching;
    $self->settles($name);
}

# --- what may happen ---

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

sub slot_of
{
    my ($self, $node) = @_;
    my $redis = $self->{redis};
    my ($range) = grep { $_->[2][1] == $redis->{nodes}[$node]{port} }
        @{ $redis->ask($node, 'CLUSTER', 'SLOTS') };
    # One that a tag is in.
    return $range->[0] + (16 - $range->[0] % 16) % 16;
}

sub move_a_slot
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($from, $to) = $redis->masters;
    $redis->move_slot($self->slot_of($from), $from, $to);
}

sub half_move
{
    my ($self) = @_;
    my $redis = $self->{redis};
    $redis->settle;
    my ($from, $to) = $redis->masters;
    $redis->move_slot($self->slot_of($from), $from, $to, pause => 4);
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

# A key of a wrong type: nothing of its tag is written until it is right again.
sub wrong_type
{
    my ($self) = @_;
    my $redis = $self->{redis};
    my ($master) = $redis->masters;
    my ($key) = grep { /:t:\d+$/ } @{ $redis->ask($master, 'KEYS', 'playcount:*') };
    $redis->ask($master, 'RENAME', $key, "$key:kept");
    $redis->ask($master, 'SET', $key, 'no hash');
    $self->play($_, map { ("many-$_" => 1) } 1 .. 5000) for 0 .. 2;
    $_->wait_for_log(qr/WRONGTYPE.*somebody else has written/) for $self->servers;
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
