# Whatever answers, or does not: an error that says which server and what is
# wrong, within the time limit.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use IO::Socket::INET;
use Playcount::Command qw(playcount start_program wait_program);
use Playcount::Misbehaving qw(request answer);
use Playcount::Server;

use constant { REFUSED => 1, UNREACHED => 3, NONSENSE => 4 };

# Who is silent or slow costs the whole limit; this is it. The others have all the
# time that a busy machine may need.
my $LIMIT = 1.5;
my $within = qr/within|stalled/;

# Each request gets these bytes, and then the connection is closed, or is
# left open and silent.
sub says
{
    my ($bytes, %option) = @_;
    return sub {
        my ($socket) = @_;
        while (request($socket)) {
            print {$socket} ref $bytes ? $bytes->() : $bytes;
            sleep 1000 if $option{stall};
            return unless $option{again};
        }
    };
}

sub chunked { "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$_[0]" }

# Bytes without an end.
sub floods
{
    my ($begin, $more) = @_;
    return sub {
        my ($socket) = @_;
        request($socket) or return;
        print {$socket} $begin or return;
        while (1) { print {$socket} $more or return }
    };
}

# A byte now and then.
sub drips
{
    my ($begin, $byte) = @_;
    return sub {
        my ($socket) = @_;
        request($socket) or return;
        print {$socket} $begin;
        while (1) { print {$socket} $byte or return; select undef, undef, undef, 0.05 }
    };
}

my $html = "<!DOCTYPE html>\n<html><body><h1>It works!</h1></body></html>\n";
my $long = 'HTTP/1.1 200 OK' . "\r\nContent-Type: text/plain\r\n\r\n";

# name, behaviour, exit status, words of the message, commands
my @single = (['get', '1'], ['play', '1']);
my @all    = (@single, ['list'], ['top'], ['play', '1', '2'], ['reset', '--yes']);
my @listings = (['list'], ['top'], ['play', '1', '2']);
my @cases = (
    ['a page of another server', says(answer(200, $html, 'Content-Type: text/html')),
        NONSENSE, qr/is not a mod_playcount server.*text\/html/, @all],
    ['a page that says it is text', says(answer(200, $html)), NONSENSE, qr/<!DOCTYPE|listing|batch|bytes/, @all],
    ['404', says(answer(404, 'Not Found')), REFUSED, qr/404.*playcount location.*Not Found/, @all],
    ['404 with a page', says(answer(404, $html, 'Content-Type: text/html')), REFUSED, qr/404 [^<]*$/, @all],
    ['500', says(answer(500, '')), REFUSED, qr/answered 500/, @all],
    ['a redirect', says(answer(302, '', 'Location: http://example.org/elsewhere')),
        NONSENSE, qr{302.*http://example.org/elsewhere}, @all],
    ['204', says("HTTP/1.1 204 No Content\r\n\r\n"), NONSENSE, qr/answered 204/, @all],
    ['an answer that is empty', says(answer(200, '')), NONSENSE, qr/answered ''/, @single, ['reset', '--yes']],
    ['a negative number', says(answer(200, '-1')), NONSENSE, qr/'-1' instead of a count/, @single],
    ['a number and more', says(answer(200, "1\n")), NONSENSE, qr/instead of a count/, @single],
    ['a number too large', says(answer(200, '9223372036854775808')), NONSENSE,
        qr/instead of a count/, @single],
    ['control characters', says(answer(200, "\e[31mred\0")), NONSENSE, qr/'\?\[31mred/, @single],
    ['something else than OK', says(answer(200, 'KO')), NONSENSE, qr/'KO' instead of OK/,
        ['reset', '--yes']],
    ['an answer far too long', says(answer(200, '1' x 1_000_000)), NONSENSE, qr/longer than/, @single],
    ['a count without an end', floods($long, '1' x 8192), NONSENSE, qr/longer than/, @single],
    ['a listing of one entry without an end', floods($long, '1' x 8192), NONSENSE,
        qr/longer than/, @listings],
    ['a refusal without an end', floods("HTTP/1.1 403 No\r\nContent-Type: text/plain\r\n\r\n",
        'no ' x 4096), REFUSED, qr/answered 403: no no/, @all],
    ['a header without an end', floods("HTTP/1.1 200 OK\r\nX: ", 'x' x 8192), NONSENSE,
        qr/header|is malformed|too l/i, @all],
    ['header lines without an end', floods("HTTP/1.1 200 OK\r\n", "X: y\r\n" x 1000), NONSENSE,
        qr/header|is malformed|too l/i, @all],
    ['entries that are none', says(answer(200, '1=1,2')), NONSENSE, qr/entry/, @listings],
    ['a listing with text for a count', says(answer(200, '1=1,2=x')), NONSENSE, qr/valid count/, @listings],
    ['a listing with a broken id', says(answer(200, '1%=1,2=1')), NONSENSE, qr/valid id/, @listings],
    ['a listing that ends in a comma', says(answer(200, '1=1,')), NONSENSE,
        qr/ends in the middle/, @listings],
    ['the batch of somebody else', says(answer(200, '1=1,3=1')), NONSENSE,
        qr/other songs than the batch/, ['play', '1', '2']],
    ['half the batch', says(answer(200, '1=1')), NONSENSE, qr/other songs/, ['play', '1', '2']],
    ['more than the batch', says(answer(200, '1=1,2=1,3=1')), NONSENSE, qr/other songs/, ['play', '1', '2']],
    ['no HTTP', says("SSH-2.0-OpenSSH_9.2p1\r\n"), NONSENSE, qr/is malformed/, @all],
    ['HTTP of another kind', says("HTTP/9.9 200 OK\r\n\r\n"), NONSENSE, qr/is malformed/, @all],
    ['a status line alone that is none', says("HTTP/1.1 abc\r\n\r\n"), NONSENSE, qr/is malformed|answered 0/, @all],
    ['nothing', says(''), UNREACHED, qr/the connection broke/, @all],
    ['an answer cut in its header', says("HTTP/1.1 200 OK\r\nContent-Le"), UNREACHED,
        qr/connection broke/, @all],
    ['an answer cut in its body', says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1=1,2"),
        UNREACHED, qr/connection broke/, @all],
    ['an answer cut where its header ends', says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"),
        UNREACHED, qr/connection broke/, @all],
    ['an answer without a length', says("${long}1=1,2=1"), NONSENSE, qr/where it ends/, ['list'],
        ['top'], ['play', '1', '2']],
    ['a count without a length', says("${long}1"), NONSENSE, qr/where it ends/, @single],
    ['a chunk cut short', says(chunked("400\r\n1=1,2=1")), UNREACHED, qr/connection broke/, @all],
    ['chunks without an end', says(chunked("3\r\n1=1\r\n")), UNREACHED, qr/connection broke/, @all],
    ['chunks that are none', says(chunked("zz\r\n1=1\r\n")), UNREACHED, qr/connection broke/, @all],
    ['silence', says('', stall => 1), UNREACHED, $within, @all],
    ['silence after the header', says($long, stall => 1), UNREACHED, $within, @all],
    ['silence in a listing', says(chunked("4\r\n1=1,\r\n"), stall => 1), UNREACHED,
        $within, ['list'], ['top']],
    ['a header byte by byte', drips("HTTP/1.1 200 OK\r\nX: ", 'x'), UNREACHED, $within, @all],
    ['a listing byte by byte', drips($long, '1'), UNREACHED, $within, ['list'], ['top']],
);

for my $case (@cases) {
    my ($name, $behaviour, $status, $words, @commands) = @$case;
    my $server = Playcount::Misbehaving->new($behaviour);
    my $url = quotemeta $server->url;
    my @limit = $words eq $within ? "--timeout=$LIMIT" : ();
    my @started = map { start_program('client/playcount', '-s', $server->url,
        @limit, '--retries=1', @$_) } @commands;
    for my $command (@commands) {
        # Comes back only when the command has ended; nothing here ends by itself.
        my $run = wait_program(shift @started);
        my $what = "$name: playcount @$command";
        is $run->{status}, $status, "$what: exit status $status" or diag $run->{err};
        like $run->{err}, qr/^playcount: $url: .*$words/m, "$what: says who and what";
        my @lines = grep { !/^playcount: it is not known whether/ } split /\n/, $run->{err};
        is scalar @lines, 1, "$what: in one line" or diag $run->{err};
    }
}

# Nobody there.
my $port = Playcount::Server::free_port();
for my $command (@all) {
    my $run = playcount('-s', "http://127.0.0.1:$port/", @$command);
    is $run->{status}, UNREACHED, "nobody: playcount @$command: exit status 3";
    like $run->{err}, qr{^playcount: http://127.0.0.1:$port/: no connection: .}m,
        "nobody: playcount @$command: says who and what";
}

# A host that takes no connections: its backlog is full.
my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 0, Proto => 'tcp')
    or die "listen: $!";
my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $deaf->sockport, Blocking => 0) } 1 .. 4;
my $run = playcount('-s', '127.0.0.1:' . $deaf->sockport, "--timeout=$LIMIT", 'get', '1');
is $run->{status}, UNREACHED, 'a deaf host: exit status 3';
like $run->{err}, qr/no connection within the time limit|no complete answer/, 'a deaf host: says so';

$run = playcount('-s', 'http://no-such-host.invalid/', "--timeout=$LIMIT", '--retries=0', 'get', '1');
is $run->{status}, UNREACHED, 'no such host: exit status 3';
# Or that nobody has said so in time.
like $run->{err}, qr{^playcount: http://no-such-host.invalid/: no connection(?:: | within)}, 'no such host: says so';

# A name server that is silent: the system asks it for much longer than the limit.
my $dir = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
open my $c, '>', "$dir/silent.c" or die $!;
print {$c} "#include <netdb.h>\n#include <unistd.h>\n"
    . "int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,\n"
    . "    struct addrinfo **found)\n"
    . "{ (void)host, (void)service, (void)hints, (void)found; sleep(60); return EAI_AGAIN; }\n";
close $c or die $!;
system('cc', '-shared', '-fPIC', '-o', "$dir/silent.so", "$dir/silent.c") == 0 or die 'cc';
{
    local $ENV{LD_PRELOAD} = "$dir/silent.so";
    my $began = time;
    my @started = map { start_program('client/playcount', '-s', 'http://count.example.org/',
        "--timeout=$LIMIT", @$_) } @all;
    for my $command (@all) {
        $run = wait_program(shift @started);
        is $run->{status}, UNREACHED, "a silent name server: playcount @$command: exit status 3";
        like $run->{err}, qr/no connection within the time limit/, 'which says so';
    }
    cmp_ok time - $began, '<', 30, 'long before the system gives it up';
}

$run = playcount('-s', 'http://me:secret@127.0.0.1:' . $port . '/', 'get', '1');
unlike $run->{err}, qr/secret/, 'a password is never shown';

done_testing;
