# Measuring a request makes no system call: with metrics and without, a process
# that answers makes the same ones. Its clocks are read in the vDSO.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Server;
use Playcount::Trace;

# The names of the calls while this server answers.
sub calls
{
    my ($metrics) = @_;
    my $server = Playcount::Server->new(mpm => 'prefork', processes => 1, songs => '1k',
        modules => ['alias'], config => <<"EOT");
Alias /files \@root\@/htdocs
<Location /files>
    SetHandler none
</Location>
PlaycountMetrics $metrics
PlaycountSlowRequests 100
KeepAliveTimeout 60
EOT
    Playcount::Server::spew($server->root . '/htdocs/file', 'x' x 10_000);
    my ($child) = $server->children;
    my $client = Playcount::Client->new($server->port);
    my @requests = (['GET', '/files/file'], ['GET', '/files/none'], ['POST', '/song/a'],
        ['GET', '/song/a'], ['POST', '/songs', content => 'a=1,b=2'], ['GET', '/']);
    $client->request(@$_) for @requests; # what is done once only
    my $trace = Playcount::Trace->new($child, $server->root)
        or plan skip_all => 'there is no strace, or it may not trace here';
    for (1 .. 3) {
        $client->request(@$_) for @requests;
    }
    # Whether it has to wait for the next request is a matter of luck.
    return join ' ', map { /^(\w+)/ } grep { !/^(?:poll|restart_syscall)|EAGAIN/ } $trace->calls;
}

my $off = calls('Off');
like $off, qr/(?:read.*?write.*?){18}/, 'the calls of 18 requests are seen';
is calls('On'), $off, 'with metrics they are the same ones';

done_testing;
