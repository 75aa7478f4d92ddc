# A collector sends plays in batches, by size and by time; what it cannot send
# comes back, and nothing is counted twice.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(run_program start_program wait_program);
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;

use constant {    # playcount_status
    OK => 0, CONNECT => 3, TIMEOUT => 4, CUT => 5, REFUSED => 7, FULL => 8,
    PARTLY => 9, BACKLOG => 10, USAGE => 1,
};

my $dir = File::Temp->newdir;
my $flag = 0;

# A file that somebody waits for, by name and not there yet.
sub flag { return "$dir/flag" . ++$flag }
sub raise { open my $file, '>', $_[0] or die "$_[0]: $!"; close $file }

sub collect
{
    my ($arguments, @lines) = @_;
    return run_program({ stdin => join '', map { "$_\n" } @lines },
        't/client/collect', @$arguments);
}

sub back { my ($run) = @_; return $run->{out} =~ /^back (\d+ \d+ \d+ \S+ \S+)/mg }

sub posts { return map { $_->{body} } grep { $_->{line} =~ /^POST \/songs / } $_[0]->requests }

my $real = Playcount::Server->new(songs => '10k');
my $url = $real->url;

# Passes on to the real server and notes what it sees.
sub passes
{
    my ($port) = @_;
    return Playcount::Misbehaving->new(sub {
        my ($socket) = @_;
        while (my $request = request($socket)) {
            print {$socket} forward($request, $port);
            return;
        }
    });
}

# By size.
my $proxy = passes($real->port);
my $run = collect(['songs=3', 'interval=3600000', $proxy->url],
    (map { "size$_ $_" } 1 .. 7), 'size7 3');
is $run->{out}, "closed 0 # \n", 'everything was sent' or diag $run->{err};
is join(';', sort map { scalar(my @e = split /,/) } posts($proxy)), '1;3;3',
    'by size: batches of three songs, and the rest at the end'
    or diag join "\n", posts($proxy);
is $real->get("/song/size$_")->{content}, $_ == 7 ? 10 : $_, "size$_ is counted" for 1 .. 7;
is scalar(grep { $_->{key} } $proxy->requests), 3, 'each batch has a key';

# By time: nothing is flushed or closed, and yet it is sent.
my $go = flag;
my $started = start_program({ stdin => "time1 5\nwait $go\n" }, 't/client/collect',
    'interval=20', $url);
Playcount::Server::wait_until('a batch sent by time',
    sub { $real->get('/song/time1')->{content} eq '5' });
pass 'by time: a play is sent after the interval';
raise($go);
like wait_program($started)->{out}, qr/^closed 0/, 'and nothing is left at the end';

# Plays of one song add up, from many threads.
$run = collect(['threads=8', 'songs=10', 'interval=1', $url],
    'many 20000 threads1', 'many 1000 threads2');
is $run->{out}, "closed 0 # \n", 'from eight threads';
is $real->get('/song/threads1')->{content}, 160000, 'every play is counted once';
is $real->get('/song/threads2')->{content}, 8000, 'of both songs';

# flush waits.
$go = flag;
$started = start_program({ stdin => "flush1 1\nflush\nwait $go\n" }, 't/client/collect',
    'interval=3600000', $url);
Playcount::Server::wait_until('a flush', sub {
    Playcount::Command::slurp($started->{file}{out}->filename) =~ /^flushed 0/m });
is $real->get('/song/flush1')->{content}, 1, 'what is flushed is counted';
raise($go);
wait_program($started);

# A server that is away: everything comes back, in one piece, certainly not counted.
my $port = Playcount::Server::free_port();
$run = collect(['retries=0', "http://127.0.0.1:$port/"], 'a 1', 'b 2', 'a 3', 'flush', 'c 1');
like $run->{out}, qr/^flushed 9 # .*127.0.0.1:$port.*no connection/m, 'no server: flush says so';
is_deeply [map { (split)[0, 1, 2, 4] } back($run)],
    [0, 0, CONNECT, 'a=4,b=2', 0, 0, CONNECT, 'c=1'],
    'no server: what was collected comes back at the end, and was not sent'
    or diag $run->{out};
like $run->{out}, qr/^closed 9 # .*no connection/m, 'no server: close says so';

# Answers that are lost: sent again under the same key, counted once. (Between two
# flushes it may be sent again by time, too.)
my $arrives = flag;
my $lossy = Playcount::Misbehaving->new(sub {
    my ($socket) = @_;
    my $request = request($socket) or return;
    my $answer = forward($request, $real->port);
    print {$socket} $answer if -e $arrives;
});
$started = start_program({ stdin => "lost1 7\n" . "flush\n" x 3 . "wait $arrives\n" },
    't/client/collect', 'retries=0', 'interval=10', $lossy->url);
Playcount::Server::wait_until('three flushes', sub {
    3 == (() = Playcount::Command::slurp($started->{file}{out}->filename) =~ /^flushed.*\n/mg) });
raise($arrives);
$run = wait_program($started);
is $run->{out} =~ s/ #.*//mgr, "flushed 9\n" x 3 . "closed 0\n", 'three answers are lost, then it is done';
my %keys = map { $_->{key} => 1 } $lossy->requests;
is scalar keys %keys, 1, 'under one key';
is $real->get('/song/lost1')->{content}, 7, 'counted once';

# Answers that are lost to the end: it comes back as uncertain, and is safe to
# send again with its key.
my $open = flag;
my $mute = Playcount::Misbehaving->new(sub {
    my ($socket) = @_;
    my $request = request($socket) or return;
    my $answer = forward($request, $real->port);
    print {$socket} $answer if -e $open;
});
$go = flag;
$started = start_program({ stdin => "mute1 7\nclose\nwait $go\nagain\n" }, 't/client/collect',
    'retries=0', $mute->url);
Playcount::Server::wait_until('close', sub {
    Playcount::Command::slurp($started->{file}{out}->filename) =~ /^closed/m });
is $real->get('/song/mute1')->{content}, 7, 'it was counted without an answer';
raise($open);
raise($go);
$run = wait_program($started);
is_deeply [map { (split)[0, 1, 2, 4] } back($run)], [0, 1, CUT, 'mute1=7'],
    'it came back as uncertain' or diag $run->{out};
like $run->{out}, qr/^again 0$/m, 'sent again under its key it is fine';
is $real->get('/song/mute1')->{content}, 7, 'and still counted once';

# Nor does a refusal by somebody who knows nothing of keys take the doubt away.
my $closed = Playcount::Misbehaving->new(sub {
    my ($socket, $n) = @_;
    request($socket) and $n > 1 and print {$socket} answer(403, 'No.');
});
$run = Playcount::Command::wait_program(start_program({ stdin => "doubt1 7\nclose\n" },
        't/client/collect', $closed->url));
is_deeply [map { (split)[0, 1, 4] } back($run)], [0, 1, 'doubt1=7'],
    'an answer that was lost, then 403: it comes back as uncertain' or diag $run->{out};

# When the server may have forgotten the key it is not sent again by itself.
my $forgotten = Playcount::Misbehaving->new(sub { request($_[0]) });
$go = flag;
$started = start_program({ stdin => "old1 1\nwait $go\n" }, 't/client/collect',
    'retries=0', 'interval=1', 'keys=1', $forgotten->url);
Playcount::Server::wait_until('a batch handed back', sub {
    Playcount::Command::slurp($started->{file}{out}->filename) =~ /^back 0 1 5 \S+ old1=1/m });
pass 'a batch in doubt comes back before its key is forgotten';
raise($go);
wait_program($started);

# A full zone: the songs that it knows are counted, the new ones come back.
my $small = Playcount::Server->new(songs => '4');
$small->post("/song/known$_") for 1 .. 3;
$run = collect([$small->url], (map { ("known$_ 10", "new$_ 10") } 1 .. 3));
my @back = back($run);
my %back = map { map { split /=/ } split /,/, (split)[4] } @back;
my ($listing) = $small->get('/')->{content};
is $small->get("/song/known$_")->{content}, 11, "full: known$_ is counted" for 1 .. 3;
my @counted = grep { $small->get("/song/new$_")->{content} eq '10' } 1 .. 3;
is scalar @counted, 1, 'full: one new song had room';
is_deeply \%back, { map { ("new$_" => 10) } grep { $_ != ($counted[0] // 0) } 1 .. 3 },
    'full: the others come back' or diag $run->{out};
is scalar(grep { (split)[1] == 0 && (split)[2] == FULL } @back), 2,
    'full: certainly not counted';

# A refusal for good comes back at once, once.
my $refuses = Playcount::Misbehaving->new(sub {
    print { $_[0] } answer(400, 'No') while request($_[0]);
});
$run = collect([$refuses->url], 'a 1', 'flush', 'flush');
is_deeply [map { (split)[1, 2, 4] } back($run)], [0, REFUSED, 'a=1'], 'a refusal comes back';
is scalar(() = $refuses->requests), 1, 'and is not sent again';

# Nothing is taken that could not be held.
$run = collect(['backlog=2', 'interval=3600000', 'retries=0', "http://127.0.0.1:$port/"],
    'a 1', 'b 1', 'c 1', 'flush', 'd 1');
is scalar(() = $run->{out} =~ /^refused 10 # .*127.0.0.1:$port.* 2 songs/mg), 2,
    'a collector that is full says so and takes nothing' or diag $run->{out};
is join(',', sort map { (split)[4] } back($run)), 'a=1,b=1', 'what it took comes back';

# What cannot be is refused.
$run = collect([$url], 'x 0', 'x 9223372036854775808');
is scalar(() = $run->{out} =~ /^refused 1 /mg), 2, 'no plays, and too many, are refused';

# A server that is slow holds up only itself.
my $slow = Playcount::Misbehaving->new(sub { request($_[0]); sleep 1000 });
$go = flag;
$started = start_program(
    { stdin => join('', map { "both$_ 1\n" } 1 .. 40) . "wait $go\n" },
    't/client/collect', 'interval=1', 'timeout=3600000', 'retries=0', $slow->url, $url);
Playcount::Server::wait_until('the fast server',
    sub { $real->get('/')->{content} =~ /both/ });
pass 'the other server has its songs';
raise($go);
kill 'KILL', $started->{pid};
wait_program($started);

done_testing;
