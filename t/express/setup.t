# playcount-express setup-server writes a configuration that httpd accepts,
# for every MPM and with all options, and starts nothing.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

my $express = Playcount::Express->new;
my $temp = $express->temp;
mkdir "$temp/files" or die $!;
Playcount::Server::spew($express->temp . '/include', "ServerAdmin me\@example.org\n");

for my $options (
    [],
    ['--mpm', 'worker', '--processes', 3, '--threads', 7],
    ['--mpm', 'prefork', '--processes', 5],
    ['--many-connections'],
    ['--database', $express->temp . '/database/plays.db'],
    ['--host', '*'],
    ['--host', '::1'],
    ['--host', 'localhost', '--songs', '3m'],
    ['--zone-file', $express->temp . '/the counts'],
    ($> == 0 ? ['--user', 'nobody', '--group', 'daemon'] : ()),
    ['--no-lane', '--redis', '127.0.0.1:6379,[::1]:6380,redis.example:6381'],
    ['--document-root', "$temp/files"],
    (map { ['--proxy', "$_//127.0.0.1:9/", '--document-root', "$temp/files"] }
        qw(http: https: h2: h2c: fcgi: scgi: uwsgi: ajp: ws:)),
    ['--proxy', '/app=unix:/run/app.sock|http://localhost/'],
    ['--proxy', 'http://127.0.0.1:9', '--cgi', "/cgi-bin=$temp", '--env', "A='1' \"2\""],
    ['--listen', 8001, '--listen', '[::1]:8001', '--server-name', 'songs.example'],
    ['--access-log', '%h "%{User-Agent}i" %>s', '--startup-log'],
    ['--include-file', $express->temp . '/include', '--log-to-terminal'],
) {
    my ($status, $output) = $express->run('setup-server', @$options);
    is $status, 0, "setup-server @$options" or diag $output;
    my ($start) = $output =~ /^    (.*)$/m;
    like $start, qr/httpd\.conf/, 'says how to start it';
    my $check = `$start -t 2>&1`;
    is $?, 0, 'and httpd accepts it' or diag $check;
}
my ($status) = $express->run('status');
is $status, 3, 'nothing was started';

my $text = Playcount::Server::slurp($express->root . '/httpd.conf');
like $text, qr/^Include ".*\/include"$/m, 'the included file is included';
is scalar(grep { length > 90 } split /\n/, $text =~ s/".*"//gr), 0,
    'the configuration is readable';

done_testing;
