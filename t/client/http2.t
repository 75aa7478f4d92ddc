# HTTP/2 where a server with TLS offers it, HTTP/1.1 where it does not.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount);
use Playcount::Server;

for my $needed ('http2', 'ssl') {
    plan skip_all => "no mod_$needed"
        unless -e Playcount::Server::modules_dir() . "/mod_$needed.so";
}
my $dir = File::Temp->newdir;
plan skip_all => 'no openssl'
    if system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
        . "-addext subjectAltName=IP:127.0.0.1 -keyout $dir/key -out $dir/cert 2> /dev/null") != 0;

sub server
{
    my ($protocols) = @_;
    return Playcount::Server->new(songs => '10k', modules => ['http2', 'ssl'], config => <<"EOF");
Protocols $protocols
SSLEngine on
SSLCertificateFile $dir/cert
SSLCertificateKeyFile $dir/key
CustomLog logs/access_log "%H %{c}p %k"
EOF
}

sub seen
{
    my ($server, $field) = @_;
    my %seen = map { (split)[$field] => 1 }
        split /\n/, Playcount::Server::slurp($server->root . '/logs/access_log');
    return join ',', sort keys %seen;
}

for my $case (['h2 http/1.1', 'HTTP/2.0'], ['http/1.1', 'HTTP/1.1']) {
    my ($offered, $expected) = @$case;
    my $server = server($offered);
    my $url = 'https://127.0.0.1:' . $server->port . '/';
    my @playcount = ('--timeout=60', "--cacert=$dir/cert", '-s', $url);
    my @ids = map { "song/$_" } 1 .. 300;

    my $run = playcount('-s', $url, '--timeout=60', 'play', '1');
    is $run->{status}, 3, "$offered: a certificate that nobody vouches for is refused";
    like $run->{err}, qr/certificate/, "$offered: and says so";
    is playcount(@playcount, 'play', '1')->{out}, "1\n", "$offered: one that is trusted is accepted";
    $run = playcount(@playcount, 'play', @ids);
    is $run->{out}, join('', map { "$_=1\n" } @ids), "$offered: a batch" or diag $run->{err};
    is playcount(@playcount, 'get', @ids)->{out}, $run->{out}, "$offered: many requests at once";
    is scalar(split /\n/, playcount(@playcount, 'list')->{out}), 301, "$offered: list";
    for my $work ('get', 'play', 'batch') {
        $run = playcount(@playcount, 'bench', "--work=$work", '--duration=0.2',
            '--connections=4');
        is $run->{status}, 0, "$offered: bench $work" or diag $run->{err};
    }
    is playcount(@playcount, 'reset', '--yes')->{status}, 0, "$offered: reset";
    is seen($server, 0), $expected, "$offered: all of it is $expected";
}

done_testing;
