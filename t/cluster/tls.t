# TLS to Redis, where the build has it: a node whose certificate is signed by the named
# authority is delivered to, any other is not. Debian 12's hiredis has no TLS: there the
# option is refused at the start (t/cluster/single.t).
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Playcount::Handoff;
use Playcount::Redis;
use Playcount::Server;

my $dir = File::Temp->newdir('playcount-tls-XXXXXX', DIR => '/tmp');
chmod 0755, "$dir";

sub certify
{
    my ($name) = @_;
    system("cd $dir && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name-ca"
        . " -keyout $name-ca.key -out $name-ca.pem 2> $name.log && "
        . "openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout $name.key"
        . " -out $name.csr 2>> $name.log && openssl x509 -req -days 2 -in $name.csr"
        . " -CA $name-ca.pem -CAkey $name-ca.key -CAcreateserial -out $name.pem 2>> $name.log") == 0
        or die 'openssl: ' . Playcount::Server::slurp("$dir/$name.log");
}
certify($_) for qw(one other);

my $tls_port = Playcount::Server::free_port();
my $redis = Playcount::Redis->new(masters => 1, cluster => 0, config => {
    'tls-port' => $tls_port, 'tls-auth-clients' => 'no', 'tls-cert-file' => "$dir/one.pem",
    'tls-key-file' => "$dir/one.key", 'tls-ca-cert-file' => "$dir/one-ca.pem",
});
my $line = "PlaycountHandoff redis cluster=127.0.0.1:$tls_port interval=1";
my $server = Playcount::Server->new(zone_file => 1, songs => 1000, start => 0,
    config => "$line tls=$dir/one-ca.pem");
my $refusal = $server->refusal;
plan skip_all => 'this build has no TLS to Redis' if ($refusal // '') =~ /this build has no TLS/;
is $refusal, undef, 'it starts' or die $refusal;

$server->start;
$server->post('/song/a?by=3');
my $wanted = { a => 3 };
counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, 'delivered by TLS');

$server->set_config("$line tls=$dir/other-ca.pem");
$server->graceful;
$server->post('/song/a?by=4');
$server->wait_for_log(qr/does not speak TLS as it should/);
is $redis->totals->{a}, 3, 'a node that another authority has signed gets nothing';

$server->set_config("PlaycountHandoff redis cluster=" . $redis->addresses . " interval=1 tls=$dir/one-ca.pem");
$server->graceful;
$server->wait_for_log(qr/\Q@{[ $redis->addresses ]}\E does not speak TLS as it should/);
pass 'a port without TLS is said in the log';

$server->set_config("$line tls=$dir/one-ca.pem");
$server->graceful;
$wanted = { a => 7 };
counts_ok(settle(sub { $redis->totals }, $wanted), $wanted, 'with the right one it goes on');

my $wrong = Playcount::Server->new(start => 0, config => "$line tls=/none.pem");
like $wrong->refusal, qr/tls=\/none\.pem cannot be used .*name a file with the certificates/,
    'no such file';
done_testing;
