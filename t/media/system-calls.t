# Counting a delivery makes no system call: with PlaycountMedia and without, a process that
# delivers makes the same ones, once it has seen the file and counted the listener. Before
# that it makes a few for a large file, however slowly it is read.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Media;
use Playcount::Trace;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

# The names of the calls while this server answers.
sub calls
{
    my ($media) = @_;
    my $server = Playcount::Media::server(mpm => 'prefork', processes => 1,
        log_level => 'info', config => "PlaycountMedia $media\nKeepAliveTimeout 60");
    Playcount::Media::make($server->root . '/htdocs', 'short.mp3', 'cbr.mp3');
    my ($child) = $server->children;
    my $client = Playcount::Client->new($server->port);
    my $agent = 'User-Agent: Player/1';
    my @requests = (
        ['GET', '/short.mp3', headers => [$agent]],
        ['GET', '/cbr.mp3', headers => [$agent, 'Range: bytes=0-1']],
        ['GET', '/cbr.mp3', headers => [$agent, 'Range: bytes=1000-2000']],
        ['GET', '/short.mp3', headers => ['User-Agent: Googlebot/2.1']],
    );
    # Counted; and the send buffer, short for what decides, is long again.
    $client->request('GET', '/cbr.mp3', headers => [$agent]) for 1 .. 2;
    $client->request(@$_) for @requests; # what is done once only
    my $trace = Playcount::Trace->new($child, $server->root)
        or plan skip_all => 'there is no strace, or it may not trace here';
    for (1 .. 3) {
        $client->request(@$_) for @requests;
    }
    # Whether it has to wait for the next request is a matter of luck, and how many of
    # the calls after the last answer are seen.
    return join(' ', map { /^(\w+)/ } grep { !/^(?:poll|restart_syscall)|EAGAIN/ } $trace->calls)
        =~ s/.*\K newfstatat.*//sr;
}

my $off = calls('Off');
like $off, qr/(?:read.*?(?:write|sendfile).*?){11}/, 'the calls of eleven requests are seen';
is calls('On'), $off, 'with PlaycountMedia they are the same ones';

my $server = Playcount::Media::server(mpm => 'prefork', processes => 1);
Playcount::Media::make($server->root . '/htdocs', 'long.mp3');
my ($child) = $server->children;
my $trace = Playcount::Trace->new($child, $server->root) or die;
my $socket = Playcount::Media::ask($server->port, '/long.mp3', 'Slow/1', 'Connection: close');
Playcount::Media::take($socket, 1 << 40);
Playcount::Media::verdicts($server, 1);
my @calls = $trace->calls;
my @asked = grep { /^ioctl\(.*[ST]IOCOUTQ/ } @calls;
cmp_ok scalar(@asked), '>=', 1, 'of a large file the kernel is asked what it holds still';
cmp_ok scalar(@asked), '<=', 8, 'a few times: ' . @asked;
is scalar(grep { /^setsockopt\(.*TCP_NOTSENT_LOWAT/ } @calls), 2, 'and told how much to hold, and no longer';

done_testing;
