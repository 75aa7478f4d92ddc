# Everything at once, for SECONDS (300): four clients play into two zones, of which one is
# delivered into PostgreSQL by the server and one fetched over HTTP, while at random the
# server, its children, the database and the consumer are killed, or stopped and
# continued, the server is restarted gracefully, and the zones are cleared. Two of the
# clients repeat a play under its Idempotency-Key until it is acknowledged.
#
# In the end each zone, what was cleared included, has every acknowledged play and none
# that was not sent, and each consumer has exactly what the zones had. SEED repeats
# the order of events, though not their moments.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use IO::Handle;
use Playcount::Client;
use Playcount::Consumer;
use Playcount::Handoff;
use Playcount::Postgres;
use Playcount::Server;
use POSIX ();
use Storable ();
use Time::HiRes qw(sleep time);

my $seconds = $ENV{SECONDS} || 300;
my $seed = $ENV{SEED} || time ^ $$;
my $dir = database_directory();
my %root = (sql => '/sql', http => '/http');
my $postgres = Playcount::Postgres->new;
my $server = Playcount::Server->new(location => undef, modules => ['dbd'], processes => 3,
    config => $postgres->dbd . <<'EOT');
PlaycountZone sql songs=2000 file=@root@/sql
PlaycountZone http songs=2000 file=@root@/http
<Location /sql>
    SetHandler playcount
    PlaycountUse sql
</Location>
<Location /http>
    SetHandler playcount
    PlaycountUse http
</Location>
PlaycountHandoff dbd zone=sql interval=1
EOT
my $consumer = Playcount::Consumer->new($server, "$dir/consumer.db", $root{http});
my $flags = File::Temp->newdir('playcount-chaos-XXXXXX', DIR => '/tmp');
note "SEED=$seed SECONDS=$seconds";
srand $seed;

# --- the clients ---

# One play or batch, until it is over: acknowledged, refused, or nobody knows.
sub play
{
    my ($client, $result, $zone, $keyed) = @_;
    my %plays = map { ('s' . (1 + int rand 300) => 1 + int rand 3) } 1 .. (rand() < .3 ? 5 : 1);
    my $body = join ',', map { "$_=$plays{$_}" } sort keys %plays;
    my @key = $keyed ? sprintf 'Idempotency-Key: "%d-%d-%d"', $$, ++$result->{keys}, rand 1e9 : ();
    my $bytes = Playcount::Client::bytes('POST', "$root{$zone}/songs", content => $body,
        headers => ['Content-Type: text/plain', @key]);

    while (1) {
        my $sent = eval { $client->connect; $client->send($bytes) };
        my $answer = $sent ? eval { $client->answer('POST') } : undef;
        my $status = $answer ? $answer->{status} : 0;
        if ($status == 200) {
            $result->{acked}{$zone}{$_} += $plays{$_} for keys %plays;
            return;
        }
        $client->close unless $answer;
        push @{ $result->{other} }, "$status $answer->{content}"
            if $answer && $status !~ /^(?:409|503)$/ && @{ $result->{other} } < 5;
        if (!$keyed) {
            # Without an answer it may have counted; a refusal did not.
            $result->{maybe}{$zone}{$_} += $plays{$_} for $answer ? () : keys %plays;
            sleep .01;
            return;
        }
        sleep .05;
    }
}

sub client
{
    my ($number) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    my %result = (other => [], acked => {}, maybe => {}, keys => 0);
    my $client = Playcount::Client->new($server->port);
    srand $seed + $number;
    until (-e "$flags/stop") {
        if (-e "$flags/pause") {
            Playcount::Server::spew("$flags/paused-$number", '');
            sleep .02;
            next;
        }
        unlink "$flags/paused-$number";
        play($client, \%result, (qw(sql http))[rand 2], $number > 2);
    }
    Storable::store(\%result, "$flags/$number");
    POSIX::_exit(0);
}

my @clients = map { client($_) } 1 .. 4;
sub paused { return 4 == grep { -e "$flags/paused-$_" } 1 .. 4 }

# --- what happens ---

my %had = map { $_ => {} } keys %root;    # what the zones had when they were cleared

sub add_to_had
{
    my ($zone, $counts) = @_;
    $had{$zone}{$_} += $counts->{$_} for keys %$counts;
}

# What a consumer is to have in the end, and what it has.
sub wanted { my %all = %{ $had{ $_[0] } }; my $now = listing($server, "$root{$_[0]}/");
    $all{$_} += $now->{$_} for keys %$now; return \%all }
sub delivered { return $_[0] eq 'sql' ? $postgres->counts : $consumer->counts }

# Clearing forgets what was not delivered: so play stops until all of it is.
sub clear
{
    Playcount::Server::spew("$flags/pause", '');
    Playcount::Server::wait_until('a pause of the clients', \&paused);
    for my $zone (sort keys %root) {
        my $wanted = wanted($zone);
        counts_ok(settle(sub { delivered($zone) }, $wanted), $wanted, "$zone: delivered before a clear");
        add_to_had($zone, listing($server, "$root{$zone}/"));
        is $server->delete("$root{$zone}/")->{status}, 200, "$zone: cleared";
    }
    unlink "$flags/paused-$_" for 1 .. 4;
    unlink "$flags/pause";
}

sub some_child { my @children = $server->children; return $children[rand @children] }

sub freeze
{
    my (@pids) = @_;
    kill 'STOP', @pids;
    nap(0.2, 3);
    kill 'CONT', @pids;
}

sub database_processes
{
    return grep { (readlink("/proc/$_/cwd") // '') eq "$postgres->{root}/data" }
        map { $_->{pid} } Playcount::Server::processes();
}

my %event = (
    'server killed'       => sub { $server->kill9_all; $server->start },
    'server stopped'      => sub { freeze(-$server->pid) },
    'child killed'        => sub { my $child = some_child(); $server->kill9_child($child) if $child },
    'child stopped'       => sub { my $child = some_child(); freeze($child) if $child },
    'graceful restart'    => sub { $server->graceful(old_may_stay => 1) },
    'database killed'     => sub { $postgres->kill9; nap(0, 1); $postgres->start },
    'database stopped'    => sub { freeze(database_processes()) },
    'consumer killed'     => sub { $consumer->kill9; $consumer->start },
    'consumer stopped'    => sub { freeze(-$consumer->{pid}) },
    'cleared'             => \&clear,
);
my (%happened, $last);
$consumer->start;
for (my $end = time + $seconds; time < $end;) {
    my @names = sort keys %event;
    my $name = $names[rand @names];
    next if $name eq 'cleared' && ($last // '') eq $name;
    nap(0.1, 1.5);
    $event{$name}->();
    $happened{ $last = $name }++;
}
note join ', ', map { "$_: $happened{$_}" } sort keys %happened;

# --- the end ---

Playcount::Server::spew("$flags/stop", '');
waitpid $_, 0 for @clients;
my %played = map { $_ => { acked => {}, maybe => {} } } keys %root;
my @other;
for my $number (1 .. 4) {
    my $result = Storable::retrieve("$flags/$number");
    push @other, @{ $result->{other} };
    for my $kind (qw(acked maybe)) {
        for my $zone (keys %{ $result->{$kind} }) {
            $played{$zone}{$kind}{$_} += $result->{$kind}{$zone}{$_}
                for keys %{ $result->{$kind}{$zone} };
        }
    }
}
is_deeply \@other, [], 'nothing else was answered than 200, 409 and 503';
for my $zone (sort keys %root) {
    my $wanted = wanted($zone);
    cmp_ok total($played{$zone}{acked}), '>', 0, "$zone: plays were acknowledged";
    bounds_ok($wanted, $played{$zone}, "$zone: each acknowledged play is there once");
    counts_ok(settle(sub { delivered($zone) }, $wanted), $wanted, "$zone: and delivered once");
}
unlike $server->error_log, qr/exit signal (?!Killed)/, 'nobody died by himself';
done_testing;
