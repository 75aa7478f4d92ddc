# What many ask for is computed once for all processes, and goes on being computed when the
# process that does it is killed; a request that nobody has asked before has its answer at once.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);
use Playcount::Metrics;

my $server = Playcount::Metrics::server(processes => 3, config => <<'EOF');
PlaycountZone default songs=1k
PlaycountSeries 1
<Location "/plays">
    SetHandler playcount
</Location>
EOF
# Each on a connection of its own: any of the processes answers.
sub ask
{
    my ($query) = @_;
    my $answer = HTTP::Tiny->new(keep_alive => 0)->get($server->url("/metrics?format=$query"));
    die "$answer->{status} $answer->{content}" unless $answer->{status} == 200;
    return JSON::PP->new->utf8->decode($answer->{content});
}
sub many
{
    my ($what, $query, $moment) = @_;
    my $began = time;
    my %made;
    $made{ $moment->(ask($query)) }++ for 1 .. 100;
    my $most = 3 + time - $began; # intervals, and one for each process that was the first to ask
    cmp_ok scalar(keys %made), '<=', $most, "$what: once in an interval, not per request or process";
}
sub count { my ($songs) = grep { $_->{song} eq 'a' } @{ ask('songs&top=10')->{songs} }; return $songs ? $songs->{count} : 0 }
sub keeper { my ($task) = grep { $_->{task} eq 'live' } @{ ask('json')->{tasks} }; return $task && $task->{process} }

$server->post('/plays/song/a?by=7');
is count(), 7, 'the first one who asks has what is there';
many('songs', 'songs', sub { $_[0]{time} });
many('songs that begin so', 'songs&prefix=a', sub { $_[0]{time} });
many("the routes' table", 'live&parts=routes', sub { $_[0]{metrics}{routes}{time} });

my $keeper = Playcount::Server::wait_until('a keeper', \&keeper);
$server->post('/plays/song/a');
Playcount::Server::wait_until('the next count', sub { count() == 8 });
pass 'while somebody asks, it is new';
$server->kill9_child($keeper); # not before it is gone: it could accept a connection of ours
Playcount::Server::wait_until('another keeper', sub { my $new = keeper(); $new && $new != $keeper });
$server->post('/plays/song/a');
Playcount::Server::wait_until('the count after that', sub { count() == 9 });
pass 'the keeper is killed: another process goes on';
is ask('live')->{zones}[0]{songs}, 1, 'how full the zone is';

done_testing;
