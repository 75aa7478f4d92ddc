# A child is stopped while it holds the zone's lock: reads, known songs and /metrics go
# on, what needs the lock is refused with 503 and Retry-After, and the log names the
# child. When it continues, so does all else.
use strict;
use warnings;
use HTTP::Tiny;
use Test::More;
use Playcount::Process;
use Playcount::Server;

my $server = Playcount::Server->new(processes => 3, songs => '100k', location => '/plays',
    config => "<Location \"/metrics\">\nSetHandler playcount-metrics\n</Location>\n");
my $batch = join ',', map { "song$_=1" } 1 .. 50_000;
my %batch = (content => $batch, headers => {'content-type' => 'text/plain'});
is $server->post('/plays/songs', %batch)->{status}, 200, 'songs are known';

# Batches hold the lock most of the time.
my @load = map {
    Playcount::Process::begin({ signal => 'KILL' }, sub {
        HTTP::Tiny->new(timeout => 5)->post($server->url('/plays/songs'), \%batch) while 1;
    });
} 1 .. 2;

sub request
{
    my ($method, $path) = @_;
    return HTTP::Tiny->new(timeout => $Playcount::Server::PATIENCE)
        ->request($method, $server->url($path));
}

# Stop one child after the other, until one has the lock.
my ($frozen, $answer);
my $new = 0;
Playcount::Server::wait_until('a child stopped with the lock', sub {
    my @children = $server->children or return;
    $frozen = $children[rand @children];
    kill 'STOP', $frozen;
    Playcount::Server::wait_until('it is stopped', sub {
        return !grep { Playcount::Server::slurp($_) !~ /^State:\s+T/m }
            glob "/proc/$frozen/task/*/status";
    });
    $answer = request('POST', '/plays/song/new' . ++$new);
    return 1 if $answer->{status} != 200;
    kill 'CONT', $frozen;
    return;
});
is $answer->{status}, 503, 'a new song is refused';
is $answer->{headers}{'retry-after'}, 2, 'with Retry-After';
like $answer->{content}, qr/nothing was changed/, 'and a sentence';
is request('GET', '/plays/song/song1')->{status}, 200, 'a song is read';
is request('POST', '/plays/song/song1')->{status}, 200, 'a known one is counted';
is request('GET', '/metrics')->{status}, 200, 'figures are shown';
is request('DELETE', '/plays/')->{status}, 503, 'a clear is refused';
like $server->error_log, qr/process $frozen has held its lock/, 'the log names the child';

kill 'CONT', $frozen;
Playcount::Process::end($_) for @load;
is request('POST', "/plays/song/new$new")->{content}, '1',
    'it goes on: the song that was refused had not been counted';
unlike $server->error_log, qr/exit signal/, 'no child died';
done_testing;
