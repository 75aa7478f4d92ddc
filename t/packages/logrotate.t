# contrib/logrotate rotates the logs of a playcount-express that runs: nothing that is
# logged is lost, and playcount replay counts each play of the log once across rotations.
use strict;
use warnings;
use Test::More;
use Playcount::Command qw(playcount);
use Playcount::Express;
use Playcount::Server;

plan skip_all => 'logrotate rotates as root' if $> != 0;
plan skip_all => 'no logrotate' unless grep { -x "$_/logrotate" } split(/:/, $ENV{PATH}), '/usr/sbin';
local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";

my $express = Playcount::Express->new;
my $logs = $express->root . '/logs';
my $files = $express->temp . '/files';
mkdir $files or die $!;
Playcount::Server::spew("$files/$_", 'sound') for qw(one two);
my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k', '--processes', 2,
    '--document-root', $files, '--access-log', '%h %l %u %t "%r" %>s %b');
is $status, 0, 'it starts' or diag $output;

# The snippet, with this server's directory, user and command.
my $snippet = Playcount::Server::slurp('contrib/logrotate');
my ($root, $program) = ($express->root, Playcount::Express::program());
is $snippet =~ s{/srv/playcount-server}{$root}g, 2, 'the snippet has the server root twice';
is $snippet =~ s/\bwww-data\b/root/g, 3, 'the user three times';
is $snippet =~ s/'playcount-express /'$program /, 1, 'and the command';
my $conf = $express->temp . '/logrotate';
Playcount::Server::spew($conf, $snippet);
chmod 0644, $conf;

sub rotate
{
    my $state = $express->temp . '/state';
    my $said = qx(logrotate --force --state $state $conf 2>&1);
    is "$? $said", '0 ', 'logrotate rotates';
}

# A response is logged a moment after the client has it.
sub lines { return scalar map { Playcount::Server::slurp("$logs/$_") =~ m{GET /(?:one|two) }g } 'access_log', 'access_log.1' }

my %expected;
sub play
{
    for my $song (@_) {
        my $before = lines();
        is $express->get("/$song")->{status}, 200, "$song is delivered";
        $expected{$song}++;
        Playcount::Server::wait_until('its line in the log', sub { lines() > $before });
    }
}

# So often until the new log has it: a child of before the rotation may answer once more.
sub play_after_rotation
{
    my ($song) = @_;
    my $plays = 0;
    until (-s "$logs/access_log") {
        play($song);
        $plays++;
    }
    return $plays;
}

# What a job that is called now counts.
sub replay
{
    my ($plays, $what) = @_;
    my $run = playcount('-s', $express->url('/plays'), 'replay', '--match=^/(one|two)$', "$logs/access_log");
    is $run->{status}, 0, $what or diag $run->{err};
    like $run->{out}, qr/^$plays plays in /, "counts $plays" or diag $run->{err};
    is_deeply { map { $_ => $express->get("/plays/song/$_")->{content} } keys %expected }, \%expected,
        'each play once';
}

play(qw(one one two));
replay(3, 'before a rotation');
play(qw(two two));
rotate();
ok -s "$logs/access_log.1", 'the log has another name';
ok -s "$logs/error_log.1", 'the error log, too';
replay(2 + play_after_rotation('one'), 'across a rotation');
rotate();
my $plays = play_after_rotation('two');
ok -s "$logs/access_log.2.gz", 'older ones are packed';
replay($plays, 'across the next');
($status) = $express->run('status');
is $status, 0, 'the server has run all the time';

done_testing;
