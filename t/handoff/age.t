# The metrics tell how old plays are that no consumer has yet, in a batch or not.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(songs => 100, config => <<'EOT');
PlaycountMetrics On
<Location /metrics>
    SetHandler playcount-metrics
</Location>
EOT

sub age
{
    $server->get('/metrics')->{content}
        =~ /^playcount_zone_handoff_undelivered_seconds\{[^}]*\} (\d+)/m or die;
    return $1;
}

sub grows { ok Playcount::Server::wait_until($_[0], sub { age() >= 2 }), $_[0] }

sub hand_over
{
    my $batch = $server->post('/handoff')->{headers}{'playcount-batch'};
    $server->request('DELETE', "/handoff/$batch")->{status} == 200 or die;
}

$server->post('/song/a');
is age(), 0, 'a zone that nobody hands over has no age';
$server->post('/handoff');
grows('a batch that is not acknowledged grows old');
hand_over();
is age(), 0, 'when it is, nothing waits';
$server->post('/song/a');
grows('plays of a known song grow old, with no batch open');
hand_over();
is age(), 0, 'handed over';
$server->post('/song/b');
grows('and so do those of a new one');
$server->request('DELETE', '/');
is age(), 0, 'cleared, they are nobody\'s';
$server->post('/song/a');
grows('what is played after a clear');
hand_over();
is age(), 0, 'is handed over, too';

done_testing;
