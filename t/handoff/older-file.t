# An older state of the zone's file comes back, after the database has committed
# later batches: a power loss on a disk that forgets, or a backup. What the
# database has is not added again; what is played from then on is.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $dir = database_directory();
my $file = "$dir/plays.db";
my $server = Playcount::Server->new(
    zone_file => 1, songs => 1000, modules => ['dbd'],
    config => sqlite_dbd($file) . 'PlaycountHandoff dbd interval=1');
my %database;

sub play
{
    my (%plays) = @_;
    my $body = join ',', map { "$_=$plays{$_}" } sort keys %plays;
    $server->hang_up; # the server closes what has been idle for long
    my $answer = $server->post('/songs', content => $body,
        headers => { 'Content-Type' => 'text/plain' });
    is $answer->{status}, 200, "played $body";
}

# The database gets these plays, and no others.
sub arrives
{
    my ($name, %plays) = @_;
    $database{$_} += $plays{$_} for keys %plays;
    counts_ok(settle(sub { sqlite_counts($file) }, \%database), \%database, $name);
}

sub keep { my ($name) = @_; copy($server->zone_file, "$dir/$name") or die $! }
sub bring_back
{
    my ($name) = @_;
    $server->kill9_all;
    copy("$dir/$name", $server->zone_file) or die $!;
    $server->start;
}

# The database cannot be written while this runs.
my $locked;
sub lock_database
{
    open $locked, '|-', 'sqlite3', $file or die $!;
    $locked->autoflush;
    print {$locked} ".timeout 20000\nBEGIN IMMEDIATE;\n.shell touch $dir/locked\n";
    Playcount::Server::wait_until('the lock', sub { unlink "$dir/locked" });
}
sub unlock_database { close $locked }

sub open_batch { $server->get('/handoff')->{status} == 200 }

play(a => 1, b => 2);
arrives('the first plays arrive', a => 1, b => 2);

# Nothing is pending in the older state.
$server->kill9_all;
keep('nothing-pending');
$server->start;
play(a => 10, c => 3);
arrives('later plays arrive', a => 10, c => 3);
bring_back('nothing-pending');
is $server->get('/song/a')->{content}, 1, 'the older state is back';
play(a => 100);
arrives('nothing pending in it: only new plays are added', a => 100);
# Number and predecessor are in order again, also over one more crash.
$server->kill9_all;
$server->start;
play(b => 100);
arrives('and so it goes on', b => 100);

# A batch is open in the older state, and more plays wait behind it.
lock_database();
play(a => 1000);
Playcount::Server::wait_until('a batch', \&open_batch);
play(b => 1000);
$server->kill9_all;
keep('open-and-pending');
unlock_database();
$server->start;
arrives('both arrive', a => 1000, b => 1000);
play(c => 1000);
arrives('and later ones', c => 1000);
bring_back('open-and-pending');
play(d => 1);
arrives('a batch open and more behind it: only new plays are added', d => 1);

# The same, but the older state is killed before it could deliver anything.
lock_database();
bring_back('open-and-pending');
play(d => 10);
$server->kill9_all;
$server->start;
play(e => 1);
unlock_database();
arrives('killed before it delivered: only new plays are added', d => 10, e => 1);

# All of it pending, none of it in a batch.
bring_back('open-and-pending');
arrives('once more', ());
$server->kill9_all;
unlink $server->zone_file;
$server->start;
play(f => 1);
arrives('a new file in its place begins from nothing', f => 1);
unlike $server->error_log, qr/did not give/, 'no number was foreign';
done_testing;
