# On a disk without room graceful says why and leaves the server as it is, and a start
# leaves nothing half written.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

plan skip_all => 'only root can mount a small disk' if $> != 0;
my $express = Playcount::Express->new;
my $root = $express->root;
mkdir $root or die $!;
my $mounted = `mount -t tmpfs -o size=4m,mode=755 playcount $root 2>&1`;
plan skip_all => "no disk can be mounted here: $mounted" if $?;
END { system 'umount', '-l', $root if defined $root }

sub fill
{
    open my $file, '>', "$root/filling" or die $!;
    $file->autoflush(1);
    1 while print {$file} 'x' x 4096;
    close $file;
}

my @start = ('start-server', '--background', '--processes', 2, '--songs', 100,
    '--zone-file', $express->temp . '/counts');
my ($status, $output) = $express->run(@start);
is $status, 0, 'it starts' or diag $output;
fill();
($status, $output) = $express->run('graceful');
is $status, 1, 'graceful on a full disk is refused';
like $output, qr/cannot write into \S+, which a restart needs: No space left.*goes on as it was/,
    'with the reason';
is $express->post('/song/1')->{content}, '1', 'and the server goes on';
unlink "$root/filling";
($status, $output) = $express->run('graceful');
is $status, 0, 'with room it restarts' or diag $output;
is $express->post('/song/1')->{content}, '2', 'with its counts';
($status) = $express->run('stop');
is $status, 0, 'and stops';

my $before = Playcount::Server::slurp("$root/httpd.conf");
fill();
($status, $output) = $express->run(@start);
is $status, 1, 'a start on a full disk is refused';
like $output, qr/No space left on device/, 'with the reason';
is_deeply [glob "$root/*.new"], [], 'nothing half written is left';
is Playcount::Server::slurp("$root/httpd.conf"), $before, 'the configuration is the one before';
unlink "$root/filling";
system 'umount', '-l', $root;
undef $root;

done_testing;
