# --php runs the PHP scripts of the document root, by mod_php under prefork or by a php-fpm of
# its own, which ends with the server. index.php gets what is no file.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

BEGIN { require(Playcount::Express::program() =~ s{[^/]+$}{express/Processes.pm}r) }

my $module = glob '/usr/lib/apache2/modules/libphp*.so';
my $fpm = glob '/usr/sbin/php-fpm*';
plan skip_all => 'neither libapache2-mod-php nor php-fpm is installed' unless $module || $fpm;

my $temp = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
chmod 0755, "$temp";
Playcount::Server::spew("$temp/$_->[0]", $_->[1]) for
    ['index.php', '<?php echo $_SERVER["REQUEST_URI"], " ", getenv("COLOR"), " ", PHP_SAPI;'],
    ['two.php', '<?php echo "one"; flush(); echo "two";'], ['plain.txt', '<?php plain'];

sub has_fpm
{
    my ($express) = @_;
    return Processes::titled('php-fpm: master process (' . $express->root . '/run/php-fpm.conf)');
}

for my $case (['mod_php', 'apache2handler', $module], ['php-fpm', 'fpm-fcgi', $fpm, '--mpm', 'event']) {
    my ($name, $sapi, $is_there, @options) = @$case;
  SKIP: {
        skip "$name is not installed", 9 unless $is_there;
        my $express = Playcount::Express->new;
        my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
            '--processes', 4, '--document-root', "$temp", '--php', '--env', 'COLOR=red', @options);
        is $status, 0, "$name: it starts" or diag $output;
        like $output, qr/\(PHP: $name\)$/m, 'and says so';
        is $express->get('/')->{content}, "/ red $sapi", 'index.php is the index';
        is $express->get('/a/b')->{content}, "/a/b red $sapi", 'and gets what is no file';
        is $express->get('/two.php')->{content}, 'onetwo', 'another script';
        is $express->get('/plain.txt')->{content}, '<?php plain', 'a file that is no script';
        is $express->post('/plays/song/1')->{content}, '1', 'the counter';
        my ($old) = has_fpm($express);
        ok !$old == ($name eq 'mod_php'), 'php-fpm runs for the one only';
        kill 'KILL', grep { $_ } Playcount::Server::slurp($express->root . '/run/httpd.pid') =~ /(\d+)/
            if $name eq 'php-fpm';
        $express->run('stop');
        is_deeply [has_fpm($express)], [], 'and ends with the server, or its children';
    }
}

done_testing;
