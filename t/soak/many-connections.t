# With --many-connections: 10,000 open keep-alive connections of which a
# thousand ask at a time, while a thousand slow clients send a byte a second.
# Nobody fails.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Playcount::Express;

my ($open, $at_a_time, $slow, $rounds) = (10_000, 1_000, 1_000, 20);

my $files = $open + $slow + 100;
if (!$ENV{PLAYCOUNT_FILES}) {
    # As many open files as it takes.
    $ENV{PLAYCOUNT_FILES} = 1;
    my $inc = join ' ', map { "-I$_" } grep { !ref } @INC[0 .. 0];
    exec 'sh', '-c', "ulimit -n $files 2> /dev/null; exec $^X $inc $0";
}
my ($limit) = `sh -c 'ulimit -n'` =~ /(\d+)/;
plan skip_all => "needs $files open files, may have $limit"
    if defined $limit && $limit < $files;

my $express = Playcount::Express->new;
my ($status, $output) = $express->run('start-server', '--background',
    '--many-connections', '--songs', '1k');
is $status, 0, 'it starts' or diag $output;
$SIG{PIPE} = 'IGNORE';

sub connection
{
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $express->port, Proto => 'tcp');
}

# The status and the body of one answer on a connection that stays open.
sub answer
{
    my ($socket) = @_;
    my ($text, $length) = ('');
    while (sysread $socket, $text, 4096, length $text) {
        $text =~ /\r\n\r\n/ or next;
        ($length) = $text =~ /^Content-Length: (\d+)/mi;
        last if defined $length && $text =~ /\r\n\r\n.{$length}/s;
    }
    return $text =~ m{^HTTP/1\.1 (\d+) .*?\r\n\r\n(.*)}s ? ($1, $2) : ('', '');
}

sub ask
{
    my ($socket) = @_;
    return defined syswrite $socket,
        "POST /song/many HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

my ($plays, $failed, $sent) = (0, 0, 0);
sub all_ask
{
    my (@asking) = @_;
    ask($_) for @asking;
    for my $socket (@asking) {
        my ($code) = answer($socket);
        $code eq '200' ? $plays++ : $failed++;
    }
}

my @connections;
while (@connections < $open) {
    my @new = grep { $_ } map { connection() } 1 .. $at_a_time;
    last unless @new;
    all_ask(@new);
    push @connections, @new;
}
is scalar(@connections), $open, 'all connect';
is $failed, 0, 'and are answered';

my @slow = grep { $_ } map { connection() } 1 .. $slow;
is scalar(@slow), $slow, 'the slow ones too';
my $slow_request = "POST /song/slow HTTP/1.1\r\nHost: localhost\r\n\r\n";

sub one_more_byte
{
    return if $sent >= length $slow_request;
    syswrite $_, substr $slow_request, $sent, 1 for @slow;
    $sent++;
}

# Everybody asks once, in turns of a thousand; and over again.
my $last_byte = time;
for my $round (1 .. $rounds) {
    for (my $i = 0; $i < @connections; $i += $at_a_time) {
        all_ask(@connections[$i .. $i + $at_a_time - 1]);
        if (time > $last_byte) {
            $last_byte = time;
            one_more_byte();
        }
    }
}
is $failed, 0, 'nobody of them fails';
is $express->get('/song/many')->{content}, $plays, 'each is counted once';

while ($sent < length $slow_request) {
    sleep 1;
    one_more_byte();
}
my @answers = map { (answer($_))[0] } @slow;
is scalar(grep { $_ eq '200' } @answers), $slow, 'nobody of the slow ones fails';
is $express->get('/song/slow')->{content}, $slow, 'and each is counted once';

my $bytes = 0;
for my $process (Playcount::Server::processes()) {
    my $command = Playcount::Server::slurp("/proc/$process->{pid}/cmdline");
    next unless index($command, $express->root) >= 0;
    my ($kb) = Playcount::Server::slurp("/proc/$process->{pid}/smaps_rollup")
        =~ /^Pss: +(\d+) kB/m;
    $bytes += ($kb // 0) / 1024;
}
diag sprintf 'the server takes %d MB with %d connections', $bytes, $open + $slow;

done_testing;
