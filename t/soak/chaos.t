# Everything at once, for SECONDS (300): four clients play into two zones, of which one is
# delivered into PostgreSQL by the server and one fetched over HTTP, while at random the
# server, its children, the database and the consumer are killed, or stopped and
# continued, the server is restarted gracefully, and the zones are cleared. Two of the
# clients repeat a play under its Idempotency-Key until it is acknowledged; single plays of
# the others are mostly counted by the lane. A fifth one
# forgets songs all the while (DELETE /song/ID), those above all that are played seldom.
#
# In the end each zone, with what was cleared and forgotten, has every acknowledged play and
# none that was not sent, and each consumer has exactly what the zones had. Where the answer
# to a DELETE is lost, nobody knows what was forgotten: of such a song the consumer must
# have what was acknowledged, and not more than was sent. SEED repeats
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
PlaycountLane On
EOT
my $consumer = Playcount::Consumer->new($server, "$dir/consumer.db", $root{http});
my $flags = File::Temp->newdir('playcount-chaos-XXXXXX', DIR => '/tmp');
note "SEED=$seed SECONDS=$seconds";
srand $seed;

# --- the clients ---

sub some_song { return (rand() < $_[0] ? 'seldom' : 's') . (1 + int rand 300) }

# One play or batch, until it is over: acknowledged, refused, or nobody knows.
sub play
{
    my ($client, $result, $zone, $keyed) = @_;
    my %plays = map { (some_song(.02) => 1 + int rand 3) } 1 .. (rand() < .3 ? 5 : 1);
    my $body = join ',', map { "$_=$plays{$_}" } sort keys %plays;
    my @key = $keyed ? sprintf 'Idempotency-Key: "%d-%d-%d"', $$, ++$result->{keys}, rand 1e9 : ();
    my ($song, @others) = keys %plays;
    my $bytes = @others || $keyed
        ? Playcount::Client::bytes('POST', "$root{$zone}/songs", content => $body,
            headers => ['Content-Type: text/plain', @key])
        : Playcount::Client::bytes('POST', "$root{$zone}/song/$song?by=$plays{$song}");

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

# Forget a song. Not before a batch of the zone that is fetched was taken: until then nobody
# is known to want its plays, and they go with the song.
sub forget
{
    my ($client, $result, $zone) = @_;
    return sleep .02 unless -e "$flags/taken";
    my $song = some_song(.9);
    my $sent = eval { $client->connect; $client->send(Playcount::Client::bytes('DELETE', "$root{$zone}/song/$song")) };
    my $answer = $sent ? eval { $client->answer('DELETE') } : undef;
    my $status = $answer ? $answer->{status} : 0;

    if ($status == 200) {
        $result->{forgot}{$zone}{$song} += $answer->{content};
    }
    elsif (!$answer) {
        $client->close;
        $result->{unsure}{$zone}{$song} = 1 if $sent;
    }
    elsif ($status !~ /^(?:404|409|503)$/) {
        push @{ $result->{other} }, "DELETE: $status $answer->{content}";
    }
    $result->{deletes}{$status}++;
    sleep .005;
}

# A process that does this again and again. What it knows is in a file whenever it pauses.
sub client
{
    my ($number, $code) = @_;
    return Playcount::Process::begin({ signal => 'KILL' }, sub { go_on($number, $code) });
}

sub go_on
{
    my ($number, $code) = @_;
    my %result = (other => [], keys => 0, map { $_ => {} } qw(acked maybe forgot unsure deletes));
    my $client = Playcount::Client->new($server->port);
    srand $seed + $number;
    until (-e "$flags/stop") {
        if (-e "$flags/pause") {
            Storable::store(\%result, "$flags/$number");
            Playcount::Server::spew("$flags/paused-$number", '');
            sleep .02 while -e "$flags/pause" && !-e "$flags/stop";
            next;
        }
        $code->($client, \%result, (qw(sql http))[rand 2], $number);
    }
    Storable::store(\%result, "$flags/$number");
}

my @numbers = 1 .. 5;
my @clients = map { client($_, $_ == 5 ? \&forget : sub { play(@_[0 .. 2], $_[3] > 2) }) } @numbers;
sub paused { return @numbers == grep { -e "$flags/paused-$_" } @numbers }

# What all of them know of a zone, while they pause.
sub known
{
    my ($zone) = @_;
    my %all = map { $_ => {} } qw(acked maybe forgot unsure);
    for my $result (map { Storable::retrieve("$flags/$_") } @numbers) {
        for my $what (keys %all) {
            my $of = $result->{$what}{$zone} // {};
            $all{$what}{$_} += $of->{$_} for keys %$of;
        }
    }
    return \%all;
}

# --- what happens ---

my %had = map { $_ => {} } keys %root;    # what the zones had when they were cleared

sub add_to_had
{
    my ($zone, $counts) = @_;
    $had{$zone}{$_} += $counts->{$_} for keys %$counts;
}

# What a consumer is to have, and what it has.
sub wanted
{
    my ($zone, $known) = @_;
    my %all = %{ $had{$zone} };

    for my $counts ($known->{forgot}, listing($server, "$root{$zone}/")) {
        $all{$_} += $counts->{$_} for keys %$counts;
    }
    return \%all;
}

sub delivered { return $_[0] eq 'sql' ? $postgres->counts : $consumer->counts }

# While the clients pause: the consumer gets what it is to have; that, with what it has of
# songs of which it is not known.
sub delivered_ok
{
    my ($zone, $name) = @_;
    my $known = known($zone);
    my $wanted = wanted($zone, $known);
    my %real;

    counts_ok(settle(sub {
        my %counts = %{ delivered($zone) };
        for my $song (keys %{ $known->{unsure} }) {
            my $count = CORE::delete $counts{$song};
            $real{$song} = $count // 0;
            next if $real{$song} < ($wanted->{$song} // 0) || $real{$song} < ($known->{acked}{$song} // 0);
            $counts{$song} = $wanted->{$song} if defined $wanted->{$song};
        }
        return \%counts;
    }, $wanted), $wanted, $name);
    return ({ %$wanted, %real }, $known);
}

# Clearing forgets what was not delivered: so play stops until all of it is.
sub clear
{
    Playcount::Server::spew("$flags/pause", '');
    Playcount::Server::wait_until('a pause of the clients', \&paused);
    for my $zone (sort keys %root) {
        delivered_ok($zone, "$zone: delivered before a clear");
        add_to_had($zone, listing($server, "$root{$zone}/"));
        is $server->delete("$root{$zone}/")->{status}, 200, "$zone: cleared";
    }
    unlink "$flags/paused-$_" for @numbers;
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
Playcount::Server::wait_until('a first batch', sub { $consumer->last > 0 });
Playcount::Server::spew("$flags/taken", '');
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
my @results = map { Storable::retrieve("$flags/$_") } @numbers;
is_deeply [map { @{ $_->{other} } } @results], [], 'nothing else was answered than 200, 404, 409 and 503';
for my $zone (sort keys %root) {
    my ($counts, $known) = delivered_ok($zone, "$zone: what it had is delivered once");
    cmp_ok total($known->{acked}), '>', 0, "$zone: plays were acknowledged";
    cmp_ok total($known->{forgot}), '>', 0, "$zone: songs were forgotten";
    note scalar(keys %{ $known->{unsure} }), ' songs of which it is not known what was forgotten';
    bounds_ok($counts, $known, "$zone: each acknowledged play is there once");
}
note 'DELETE /song/ID: ', join ', ', map { "$_: $results[-1]{deletes}{$_}" } sort keys %{ $results[-1]{deletes} };
like $server->error_log, qr{PlaycountLane: $root{$_}/song/ is answered by the lane}, "$_: the lane takes part" for sort keys %root;
unlike $server->error_log, qr/exit signal (?!Killed)/, 'nobody died by himself';
done_testing;
