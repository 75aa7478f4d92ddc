package Playcount::Restarts;

# Graceful restarts under load; for t/start/graceful-restarts.t and t/soak.

use strict;
use warnings;
use Playcount::Players;
use Playcount::Server;
use Test::More;

# What the parent process has: open files, mappings, memory of its own, and
# System V objects. Those are counted for the whole machine where they cannot be
# told apart, so the server has a namespace of its own for them, if root can make
# one.
sub possessions
{
    my ($server) = @_;
    my $pid = $server->pid;
    my $status = Playcount::Server::slurp("/proc/$pid/status");
    my %has = (
        files    => scalar(() = glob "/proc/$pid/fd/*"),
        mappings => scalar(() = Playcount::Server::slurp("/proc/$pid/maps") =~ /\n/g),
        kb       => $status =~ /^VmData:\s+(\d+)/m,
    );
    if ($server->{namespace}) {
        for my $kind (qw(shm sem msg)) {
            my $list = `nsenter -i -t $pid cat /proc/sysvipc/$kind`;
            $has{$kind} = () = $list =~ /\n/g;
        }
    }
    return \%has;
}

sub test
{
    my (%option) = @_;
    my $restarts = delete $option{restarts};
    my $name = "$option{mpm}, " . ($option{zone_file} ? 'file' : 'memory');
    my $namespace = $> == 0 && system('unshare -i true 2> /dev/null') == 0;
    my $server = Playcount::Restarts::Server->new(songs => '50k', namespace => $namespace,
        %option);

    # Connections that are closed after each answer: no client can be cut off.
    my $load = Playcount::Players->start($server->port, clients => 3, songs => 20_000,
        requests => 'mixed', keep => 0);
    # Connections that are kept: closed at a restart between two requests.
    my $kept = Playcount::Players->start($server->port, clients => 2, songs => 20_000);
    my ($first, $last);
    for my $round (1 .. $restarts) {
        $load->wait_for($load->plays + 10);
        $server->graceful(old_may_stay => 1);
        $first = possessions($server) if $round == 4;
    }
    $load->wait_for($load->plays + 10);
    my $result = $load->stop;
    my $kept_result = $kept->stop;
    $server->graceful;
    $last = possessions($server);

    is_deeply $result->{other}, [], "$name: no request is refused";
    is $result->{refused}, 0, "$name: no connection is refused";
    is $result->{broken}, 0, "$name: no request fails";
    is_deeply $kept_result->{other}, [], "$name: nor on connections that are kept";
    for my $id (keys %{ $kept_result->{sent} }) {
        $result->{$_}{$id} += $kept_result->{$_}{$id} for qw(sent acked);
    }
    is_deeply [Playcount::Players::wrong_counts($result,
        Playcount::Players::counts($server->get('/')->{content}))], [], "$name: nothing is lost";

    # What httpd itself takes for each restart is a little memory of the parent.
    note "$name: $_ was $first->{$_}, is $last->{$_}" for sort keys %$last;
    # A sanitizer's own memory grows.
    delete @$last{qw(kb mappings)} if $ENV{PLAYCOUNT_SANITIZED};
    cmp_ok $last->{$_}, '<=', $first->{$_}, "$name: no more $_" for grep { $_ ne 'kb' } sort keys %$last;
    cmp_ok $last->{kb} - $first->{kb}, '<', 40 * $restarts + 1000, "$name: hardly more memory"
        if $last->{kb};
    unlike $server->error_log, qr{exit signal}, "$name: nobody died";
}

package Playcount::Restarts::Server;

use strict;
use warnings;
our @ISA = ('Playcount::Server');

sub command
{
    my ($self) = @_;
    return ($self->{namespace} ? ('unshare', '-i') : (), $self->SUPER::command);
}

1;
