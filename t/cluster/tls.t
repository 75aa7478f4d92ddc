# TLS to Redis: a node is delivered to when its certificate is signed by the named
# authority, has not expired and is for its address, or the name that the directive has;
# whatever is wrong is said in the log, counting goes on, and nothing is lost. The server
# shows a certificate of its own where Redis asks for one. A build without TLS (Debian 12's
# hiredis has none) refuses the options at the start.
use strict;
use warnings;
use Test::More;
use Playcount::Certificates;
use Playcount::Handoff;
use Playcount::Ports qw(free_port);
use Playcount::Redis;
use Playcount::Server;

sub refused
{
    my ($config, $why, $name) = @_;
    my $refusal = Playcount::Server->new(start => 0, config => $config)->refusal;
    like $refusal // 'it starts', $why, $name;
}

my $made = Playcount::Certificates->new(qw(ours theirs));
my $address = '127.0.0.1:' . free_port();
my $probe = Playcount::Server->new(start => 0,
    config => "PlaycountHandoff redis cluster=$address tls=" . $made->file('ours.pem'));
if (($probe->refusal // '') =~ /this build has no TLS/) {
    for my $option (qw(tls tls-name tls-cert tls-key)) {
        refused("PlaycountHandoff redis cluster=$address $option=x",
            qr/PlaycountHandoff: \Q$option\E=x is not possible: this build has no TLS to Redis\. Build with hiredis 1\.0 or later.*stunnel/,
            "$option= is refused, with what is missing and the remedy");
    }
    SKIP: { skip 'this build has no TLS to Redis: hiredis 1.0 or later is not here', 1 }
    done_testing;
    exit;
}

# --- what is wrong with the options ---

my $ours = 'tls=' . $made->file('ours.pem');
$made->certify(ours => 'node', names => 'IP:127.0.0.1,DNS:redis.example');
$made->certify(ours => 'elsewhere', names => 'IP:10.0.0.1,DNS:redis.example');
$made->certify(ours => 'expired', names => 'IP:127.0.0.1', days => -1);
$made->certify(ours => 'server', names => 'DNS:server.example');
$made->certify(theirs => 'stranger', names => 'IP:127.0.0.1');
$made->openssl(qw(rsa -aes128 -passout pass:secret -in server.key -out locked.key));

sub wrong { my ($options, $why, $name) = @_; refused("PlaycountHandoff redis cluster=$address $options", $why, $name) }
sub own { my ($cert, $key) = @_; return join ' ', map { "tls-$_->[0]=" . $made->file($_->[1]) } ['cert', $cert], ['key', $key] }

wrong('tls=/none.pem', qr{tls=/none\.pem cannot be used \(No such file or directory\); name a file with the certificates},
    'no file of certificates');
wrong('tls=' . $made->file('ours.key'), qr/cannot be used .*name a file with the certificates/,
    'a file without certificates');
wrong('tls-name=redis.example', qr/tls-name=, tls-cert= and tls-key= need tls=CA-FILE/, 'a name alone');
wrong("$ours " . own('none.pem', 'server.key'), qr/name a file with this server's certificate/,
    'no certificate');
wrong("$ours " . own('server.pem', 'node.key'), qr/the key of tls-key= is not that of|key values mismatch/,
    'the key of another');
wrong("$ours " . own('server.pem', 'locked.key'), qr/without a passphrase/, 'a key with a passphrase');
wrong("$ours tls-cert=" . $made->file('server.pem'), qr/need each other/, 'a certificate without a key');

# --- a single Redis ---

my %node = ('tls-ca-cert-file' => $made->file('ours.pem'), 'tls-auth-clients' => 'no',
    'tls-cert-file' => $made->file('node.pem'), 'tls-key-file' => $made->file('node.key'));
my $redis = Playcount::Redis->new(masters => 1, cluster => 0, tls => \%node);
my $plain = "127.0.0.1:$redis->{nodes}[0]{port}";
my $server = Playcount::Server->new(zone_file => 1, songs => 1000, start => 0);
my $plays = 0;

sub configure
{
    my (@options) = @_;
    my $cluster = $redis->address(0);
    $cluster = shift @options if @options && $options[0] =~ /^127/;
    $server->set_config("PlaycountHandoff redis cluster=$cluster interval=1 @options");
}

# A Redis reads its certificates again when it is told so; pairs must change together.
sub show
{
    my ($name) = @_;
    $redis->ask(0, 'CONFIG', 'SET', 'tls-cert-file', $made->file("$name.pem"), 'tls-key-file',
        $made->file("$name.key"));
}

sub arrives
{
    my ($name) = @_;
    $server->post('/song/a');
    my $wanted = { a => ++$plays };
    counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, $name);
}

sub says
{
    my ($why, $name) = @_;
    my $before = length $server->error_log;
    $server->graceful;
    $server->post('/song/a');
    $plays++;
    my $log;
    Playcount::Server::wait_until("$why in the log", sub {
        $log = substr $server->error_log, $before;
        return $log =~ $why || select(undef, undef, undef, 0.1) && 0;
    });
    like $log, $why, $name;
    cmp_ok $redis->totals->{a}, '<', $plays, '... and nothing is delivered';
}

configure($ours);
$server->start;
arrives('delivered by TLS');

$redis->ask(0, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
arrives('a connection that was closed is made again');
$redis->kill9(0);
$redis->start(0);
arrives('a Redis that was killed gets all when it is there again');

configure('tls=' . $made->file('theirs.pem'));
says(qr/cannot be reached by TLS \(its certificate is not signed by the authority of tls=\)/,
    'another authority');
configure($plain, $ours);
says(qr/\Q$plain\E cannot be reached by TLS \(it (?:does not answer the handshake|answers without TLS|closes)/,
    'a port without TLS');
configure();
says(qr/broke \(.+; is that its tls-port\? See tls=\)/,
    'a port with TLS, without the option');
configure($ours);
$server->graceful;
arrives('with the right ones it goes on');

show('elsewhere');
says(qr/by TLS \(its certificate is not for 127\.0\.0\.1; tls-name= can name another/,
    'a certificate for another address');
configure($ours, 'tls-name=redis.other');
says(qr/its certificate is not for redis\.other/, 'a certificate for another name');
configure($ours, 'tls-name=redis.example');
$server->graceful;
arrives('one for the name of tls-name=');

show('expired');
configure($ours);
says(qr/its certificate is refused: certificate has expired/, 'a certificate that has expired');

show('node');
$redis->ask(0, 'CONFIG', 'SET', 'tls-auth-clients', 'yes');
says(qr/broke \(.*(?:asks|may ask) for a certificate.* tls-cert= and tls-key=/,
    'a Redis that asks for a certificate, as it does by default');
configure($ours, own('stranger.pem', 'stranger.key'));
says(qr/broke \(.*(?:does not know the authority of|may refuse) the certificate of tls-cert=/, "one that Redis' authority has not signed");
configure($ours, own('server.pem', 'server.key'));
$server->graceful;
arrives('with one that it has signed it goes on');
done_testing;
