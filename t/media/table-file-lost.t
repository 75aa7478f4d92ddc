# A table's file that is moved away, deleted or replaced under a running server is noticed,
# logged and put back, as far as that can be done; what has its name is never overwritten.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $n = 0;
sub get
{
    my ($server, $who) = @_;
    Playcount::Media::curl($server, 'short.mp3', '-A', $who);
    return (split / /, (Playcount::Media::lines($server, ++$n))[-1])[0];
}

my $server = Playcount::Media::server(start => 0, config => <<'EOT');
PlaycountMediaTable downloads=10 open=5 file=@root@/table/media
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
EOT
Playcount::Media::make($server->root . '/htdocs', 'short.mp3');
my $dir = $server->root . '/table';
my $file = "$dir/media";
mkdir $dir or die $!;
$server->start;
sub inode { (stat $_[0])[1] // 0 }
sub is_lost
{
    return $server->get('/metrics?format=prometheus')->{content} =~ /^playcount_media_file_lost 1$/m;
}

is get($server, 'A'), 'played', 'a listener is counted';
ok !is_lost(), 'nothing is lost';
my $inode = inode($file);

rename $file, "$file.away" or die $!;
ok $server->wait_for_log(qr/file=\Q$file\E was moved away .* has been given its name again; nothing is lost/),
    'a file that is moved away is put back';
is inode($file), $inode, 'the same one';
Playcount::Server::wait_until('nothing is lost any more', sub { !is_lost() });
unlink "$file.away" or die $!;

rename $file, "$file.away" or die $!;
Playcount::Server::spew($file, 'another one');
ok $server->wait_for_log(qr/file=\Q$file\E has been replaced by another file/), 'another one is noticed';
Playcount::Server::wait_until('the metrics say so', \&is_lost);
is get($server, 'A'), 'again', 'counting goes on';
$server->stop;
is Playcount::Server::slurp($file), 'another one', 'it is left alone, at the stop too';
rename "$file.away", $file or die $!;

$server->start;
is get($server, 'A'), 'again', 'the first one knows the listener';
unlink $file or die $!;
ok $server->wait_for_log(qr/PlaycountMediaTable: file=\Q$file\E has been deleted/), 'a deleted one is noticed';
Playcount::Server::wait_until('the metrics say so', \&is_lost);
is get($server, 'B'), 'played', 'counting goes on';
$server->graceful;
$server->stop;
like $server->error_log, qr/file=\Q$file\E was deleted, and has been written again/, 'the stop writes it again';
$server->start;
is get($server, $_), 'again', "it knows $_" for 'A', 'B';
ok !is_lost(), 'and is an ordinary one';
done_testing;
