# --https-port serves with a certificate that is made at the first start, for the names of the
# server, and kept; --http2 speaks HTTP/2 there and in clear. All is there that is without.
use strict;
use warnings;
use Test::More;
use Playcount::Express;
use Playcount::Server;

plan skip_all => 'curl with HTTP/2 is not installed' unless `curl --version 2>&1` =~ /HTTP2/;

my $express = Playcount::Express->new;
my $https = Playcount::Server::free_port();
my $files = $express->temp . '/files';
mkdir $files or die $!;
Playcount::Server::spew("$files/a.txt", 'a');
my $backend = Playcount::Express->new;
my ($status, $output) = $backend->run('start-server', '--background', '--songs', '1k');
is $status, 0, 'another server' or diag $output;
my @start = ('start-server', '--background', '--songs', '1k', '--https-port', $https,
    '--document-root', $files, '--proxy', $backend->url);
my $certificate = $express->root . '/tls/server.crt';

# What curl says: the content, the status, the version of HTTP.
sub curl
{
    my (@arguments) = @_;
    open my $out, '-|', 'curl', '-s', '--cacert', $certificate, '-w', ' %{http_code} %{http_version}',
        @arguments or die $!;
    local $/;
    return <$out>;
}

($status, $output) = $express->run(@start, '--http2');
is $status, 0, 'it starts' or diag $output;
like $output, qr/^Made a certificate for IP:127\.0\.0\.1,DNS:localhost,IP:::1\.$/m,
    'with a new certificate';
like $output, qr{^  https +https://127\.0\.0\.1:$https/ +\Q$certificate\E$}m, 'and says where';
is((stat $express->root . '/tls/server.key')[2] & 0777, 0600, 'the key is readable for us only');
for my $host ('127.0.0.1', 'localhost') {
    is curl('--http1.1', "https://$host:$https/a.txt"), 'a 200 1.1', "a file from https://$host";
}
is curl('--http2', "https://127.0.0.1:$https/a.txt"), 'a 200 2', 'by HTTP/2';
is curl('-X', 'POST', "https://127.0.0.1:$https/plays/song/1"), '1 200 2', 'the counter';
is curl('-X', 'POST', "https://127.0.0.1:$https/song/1?by=5"), '5 200 2',
    'the application, which is another counter';
is curl('--http2-prior-knowledge', $express->url('/a.txt')), 'a 200 2', 'HTTP/2 in clear';
is curl('--http1.1', $express->url('/plays/song/1')), '1 200 1.1', 'and HTTP/1.1, one counter';
ok curl("https://127.0.0.1:$https/metrics") =~ /route="static"/, 'all is measured, under one name';
my $log = Playcount::Server::slurp($express->root . '/logs/error_log');
is scalar(() = $log =~ /:(?:warn|error)\].*AH01(?:906|909|873)/g), 0, 'httpd has nothing against the certificate';
$express->run('stop');

my $before = Playcount::Server::slurp($certificate);
($status, $output) = $express->run(@start);
unlike $output, qr/certificate for/, 'the next start';
is Playcount::Server::slurp($certificate), $before, 'has the same certificate';
is curl('--http2', "https://127.0.0.1:$https/a.txt"), 'a 200 1.1', 'without --http2 it is HTTP/1.1';
$express->run('stop');

($status, $output) = $express->run(@start, '--server-name', 'songs.example');
like $output, qr/^Made a certificate for DNS:songs\.example,/m, 'another name, another certificate';
is curl('--resolve', "songs.example:$https:127.0.0.1", "https://songs.example:$https/a.txt"),
    'a 200 1.1', 'which is good for that name';
$express->run('stop');

($status, $output) = $express->run('start-server', '--https-port', $express->port);
like $output, qr/--https-port and another port are the same/, 'refused: the same port';
($status, $output) = $express->run('start-server', '--http2', '--mpm', 'prefork');
like $output, qr/--http2 needs --mpm event or worker/, 'refused: HTTP/2 under prefork';

done_testing;
