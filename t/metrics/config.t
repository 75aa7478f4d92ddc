# A wrong directive stops the start with a sentence that says what to write.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(start => 0, location => undef);
my @wrong = (
    ['PlaycountMetrics maybe',          qr/PlaycountMetrics must be On or Off/],
    ['PlaycountRoute',                  qr/PlaycountRoute takes one argument/],
    ['PlaycountRoute ""',               qr/PlaycountRoute takes one argument/],
    ['PlaycountRoute "%{"',             qr/PlaycountRoute "%\{" is no valid expression/],
    ['PlaycountRoutes 0',               qr/PlaycountRoutes 0: give a whole number from 1/],
    ['PlaycountRoutes many',            qr/PlaycountRoutes many: give a whole number/],
    ['PlaycountRoutes 99999999999',     qr/PlaycountRoutes 99999999999: give a whole/],
    ['PlaycountSeries 0',               qr/PlaycountSeries 0: give a whole number from 1/],
    ['PlaycountSlowRequests soon',      qr/PlaycountSlowRequests soon: give a number of seconds/],
    ['PlaycountSlowRequests -1',        qr/PlaycountSlowRequests -1: give/],
    ['PlaycountSlowRequests nan',       qr/PlaycountSlowRequests nan: give/],
    ['PlaycountMetricsSongs 5',         qr/PlaycountMetricsSongs must be On or Off/],
    ['PlaycountStatsd',                 qr/PlaycountStatsd : first comes HOST:PORT/],
    ['PlaycountStatsd localhost',       qr/PlaycountStatsd localhost: first comes HOST:PORT/],
    ['PlaycountStatsd localhost:0',     qr/first comes HOST:PORT/],
    ['PlaycountStatsd localhost:99999', qr/first comes HOST:PORT/],
    ['PlaycountStatsd h:1 colour=red',  qr/PlaycountStatsd does not know "colour=red"/],
    ['PlaycountStatsd h:1 prefix',      qr/PlaycountStatsd does not know "prefix"/],
    ['PlaycountStatsd h:1 prefix=a:b',  qr/PlaycountStatsd prefix=a:b: use 1 to 100 letters/],
    ['PlaycountStatsd h:1 prefix=',     qr/prefix=: use 1 to 100/],
    ['PlaycountStatsd h:1 format=xml',  qr/does not know "format=xml"/],
    ['PlaycountStatsd h:1 mode=fast',   qr/does not know "mode=fast"/],
    ['PlaycountStatsd h:1 interval=0',  qr/PlaycountStatsd interval 0: give a whole number/],
    ['PlaycountStatsd h:1 tags=a:b',    qr/plain statsd has no tags/],
    ['PlaycountStatsd h:1 format=dogstatsd tags=a', qr/"a" is no tag/],
    ['PlaycountStatsd h:1 format=dogstatsd tags=a:b|c', qr/is no tag/],
    ["<VirtualHost *:80>\nPlaycountRoutes 5\n</VirtualHost>",
        qr/PlaycountRoutes (?:cannot occur within|not allowed)/],
    ["<Location />\nPlaycountStatsd h:1\n</Location>",
        qr/PlaycountStatsd (?:cannot occur within|not allowed)/],
);
for my $case (@wrong) {
    my ($directive, $sentence) = @$case;
    $server->set_config($directive);
    like $server->refusal, $sentence, $directive =~ s/\n/; /gr;
}
$server->set_config('PlaycountStatsd 127.0.0.1:8125');
$server->start;
like $server->error_log, qr/PlaycountStatsd has nothing to send: PlaycountMetrics is On nowhere/,
    'statsd without metrics is warned of';
$server->stop;
$server->set_config('PlaycountMetrics On');
$server->start;
unlike $server->error_log =~ s/.*nowhere//sr, qr/nothing to send/, 'but not with them';
like $server->error_log,
    qr/metrics: \d+\.\d MB of shared memory for 64 routes and "other", 360 intervals of 10 s/,
    'the memory is said at the start';
my ($mb) = $server->error_log =~ /metrics: ([\d.]+) MB/;
cmp_ok $mb, '<', 16, 'and is below 16 MB';

done_testing;
