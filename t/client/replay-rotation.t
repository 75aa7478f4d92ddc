# replay counts what was added since it was last called, whatever rotation did to the
# log in between.
use strict;
use warnings;
use Test::More;
use File::Copy qw(copy move);
use File::Temp ();
use Playcount::Command qw(playcount start_program wait_program);
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '10k');
my $url = $server->url;
my $log = "$dir/access.log";
my $match = '--match=^/play/([^?]+)';
my $n = 0;

sub replay { return playcount('-s', $url, 'replay', $match, @_) }
sub total { my $sum = 0; $sum += $_ for $server->get('/')->{content} =~ /=(\d+)/g; return $sum }

# Lines with a time of their own, as logs have.
sub add
{
    my ($file, $lines) = @_;
    open my $out, '>>', $file or die "$file: $!";
    for (1 .. $lines) {
        $n++;
        printf {$out} qq(127.0.0.1 - - [25/Nov/2026:10:00:00.%06d +0000] "GET /play/%d HTTP/1.1" 200 5\n), $n, $n % 10;
    }
    close $out;
}

my $sent = 0;
sub counts_now
{
    my ($new, $what, @arguments) = @_;
    $sent += $new;
    my $run = replay(@arguments ? @arguments : $log);
    is $run->{status}, 0, "$what: exit status 0" or diag $run->{err};
    is $run->{out}, "$new plays in $new lines were counted\n", "$what: $new new" or diag $run->{err};
    is total(), $sent, "$what: each is counted once";
}

sub rotate
{
    for my $k (reverse 1 .. 8) {
        for my $gz ('', '.gz') {
            move("$log.$k$gz", "$log." . ($k + 1) . $gz) or die if -e "$log.$k$gz";
        }
    }
    move($log, "$log.1") or die;
}

# What was added.
add($log, 100);
counts_now(100, 'a first call');
add($log, 100);
counts_now(100, '100 lines were added');
counts_now(0, 'nothing was added');
open my $half, '>>', $log or die;
print {$half} '127.0.0.1 - - [x] "GET /play/1 HTTP';
close $half;
my $run = replay($log);
is $run->{out}, "0 plays in 0 lines were counted\n", 'half a line is not read yet';
like $run->{err}, qr/the last line has no end yet/, 'and it says so';
open $half, '>>', $log or die;
print {$half} qq(/1.1" 200 5\n);
close $half;
counts_now(1, 'the line is complete');

# Renamed, several times, packed too; lines that still went to the old file.
add($log, 30);
move($log, "$log.1") or die;
add($log, 20);
counts_now(50, 'renamed');
add("$log.1", 5);
add($log, 6);
counts_now(11, 'an old process wrote to the renamed file, too');
add($log, 7);
rotate();
add($log, 8);
system('gzip', "$log.2") == 0 or die;
counts_now(15, 'renamed twice, the older one packed');
add($log, 9);
rotate();
add($log, 10);
rotate();
add($log, 11);
system('gzip', "$log.2") == 0 or die;
counts_now(30, 'two rotations between two calls, what was read last is packed');
counts_now(0, 'nothing more');

# Dates in the names.
add($log, 4);
move($log, "$log-20261125") or die;
add($log, 3);
counts_now(7, 'renamed with a date');

# Copied and truncated.
add($log, 12);
copy($log, "$log-20261126") or die;
truncate $log, 0 or die;
add($log, 13);
counts_now(25, 'copied and truncated');
counts_now(0, 'nothing more');

# A rotated file by its name: the same memory.
counts_now(0, 'a rotated file by its name', "$log-20261125");
counts_now(0, 'a packed one', "$log.4.gz");

# Removed without a copy: it says that something may be missing.
add($log, 5);
unlink $log;
add($log, 6);
$run = replay($log);
is $run->{status}, 5, 'the file that was read last has gone: exit status 5';
like $run->{err}, qr/is not there any more; what was written to it since is not counted/, 'it says so';
is $run->{out}, "6 plays in 6 lines were counted\n", 'the new one is counted';
is total(), $sent += 6, 'once';
counts_now(0, 'the next call is as ever');

# A log that was rotated before the first call is not read.
my $other = "$dir/other.log";
add("$other.1", 40);
add($other, 2);
counts_now(2, 'the first call', $other);
add($other, 3);
counts_now(3, 'and the second read only the log that was named', $other);

# --again, --state, other rules.
$sent += 5;
is replay('--again', $other)->{out}, "5 plays in 5 lines were counted\n", '--again counts all of it';
is total(), $sent, 'again';
counts_now(0, 'after it nothing is new', $other);
my $elsewhere = "$dir/state";
counts_now(5, '--state has a memory of its own', $other, "--state=$elsewhere");
add($other, 1);
counts_now(1, 'there', $other, "--state=$elsewhere");
$run = playcount('-s', $url, 'replay', '--match=^/(play)/', $other);
is $run->{status}, 2, 'another --match with the same memory is refused';
like $run->{err}, qr/another --match, --status, --method or --format; name another file with --state/, 'it says what to do';
my $second = Playcount::Server->new(songs => '1k');
$run = playcount('-s', $second->url, 'replay', $match, $other);
is $run->{status}, 2, 'so are other servers';
like $run->{err}, qr/used other servers/, 'it says so';
is total(), $sent, 'nothing is counted';

# Two at once.
my $open = "$dir/open";
my $stuck = Playcount::Misbehaving->new(sub {
    my $request = request($_[0]);
    my $answer = forward($request, $server->port);
    sleep 1000 unless -e $open;
    print { $_[0] } $answer;
});
my $third = "$dir/third.log";
add($third, 9);
my @slow = ('-s', $stuck->url, '--timeout=3600', 'replay', $match);
my $started = start_program('client/playcount', @slow, $third);
Playcount::Server::wait_until('the batch', sub { total() == $sent + 9 });
$sent += 9;
for my $path ($third, "$dir/../" . ("$dir" =~ s{.*/}{}r) . '/third.log') {
    $run = playcount(@slow, $path);
    is $run->{status}, 6, 'a second one while the first works: refused';
    like $run->{err}, qr/another run with this state is in progress/, 'it says why';
}

# Rotated while it was interrupted: what was sent is found again.
kill 'KILL', $started->{pid};
wait_program($started);
add($third, 2);
move($third, "$third.1") or die;
add($third, 3);
system('gzip', "$third.1") == 0 or die;
Playcount::Server::spew($open, '');
$run = playcount(@slow, '--json', $third);
is $run->{out}, qq({"lines":14,"plays":14,"unreadable":0,"unusable":0,"carried_on":true}\n),
    'killed, rotated, packed, resumed' or diag $run->{err};
is total(), $sent += 5, 'each is counted once';
is playcount(@slow, $third)->{out}, "0 plays in 0 lines were counted\n", 'nothing more';

# Gone while it was interrupted.
unlink $open;
add($third, 4);
$started = start_program('client/playcount', @slow, $third);
Playcount::Server::wait_until('the batch', sub { total() == $sent + 4 });
kill 'KILL', $started->{pid};
wait_program($started);
unlink $third;
add($third, 1);
Playcount::Server::spew($open, '');
$run = playcount(@slow, $third);
is $run->{status}, 6, 'the file in which it was interrupted has gone: refused';
like $run->{err}, qr/the file in which the replay was interrupted is not there any more; put it back, or remove \S+third\.log\.playcount-replay/, 'it says what to do';

# A memory that cannot be kept, or read.
Playcount::Server::spew("$dir/bad", "rubbish\n");
$run = replay($other, "--state=$dir/bad");
is $run->{status}, 6, 'a state that cannot be read: refused';
like $run->{err}, qr/bad cannot be read; remove it to start over/, 'it says what to do';
$run = replay($other, "--state=$dir/none/state");
is $run->{status}, 6, 'a state that cannot be written: refused';
is replay("$dir/none.log")->{status}, 6, 'a log that is not there: refused';
ok !-e "$dir/none.log.playcount-replay", 'and nothing is left of it';

done_testing;
