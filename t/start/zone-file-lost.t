# A zone's file that is moved away, deleted or replaced under a running server is noticed
# within seconds, whatever sync= is, logged and put back whole; what has its name is never
# overwritten.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(start => 0, config => <<'EOF');
PlaycountZone default file=@root@/store/zone sync=3600
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
EOF
my $dir = $server->root . '/store';
my $file = "$dir/zone";
mkdir $dir or die $!;
$server->start;

sub is_lost
{
    return $server->get('/metrics?format=prometheus')->{content}
        =~ /^playcount_zone_file_lost\{zone="default"\} 1$/m;
}
sub inode { (stat $_[0])[1] // 0 }
sub times_said { my ($what) = @_; return scalar(() = $server->error_log =~ /$what/g) }
my $inode = inode($file);

is $server->post('/song/1')->{content}, '1', 'a play is counted';
unlike $server->error_log, qr/has been (?:deleted|replaced)/, 'nothing is said';
ok !is_lost(), 'and nothing lost';

# Moved: the file has another name, and gets its own again.
rename $file, "$file.away" or die "$file: $!";
ok $server->wait_for_log(qr/PlaycountZone default: file=\Q$file\E has been deleted/),
    'a file that is moved away is noticed';
ok $server->wait_for_log(qr/has been given its name again; nothing is lost/), 'and put back';
is inode($file), $inode, 'the same one';
Playcount::Server::wait_until('nothing is lost any more', sub { !is_lost() });
unlink "$file.away" or die $!;
is $server->post('/song/1')->{content}, '2', 'counting goes on';

# Replaced.
rename $file, "$file.away" or die "$file: $!";
Playcount::Server::spew($file, 'another one');
ok $server->wait_for_log(qr/file=\Q$file\E has been replaced by another file/), 'another one is noticed';
Playcount::Server::wait_until('the metrics say so', \&is_lost);
$server->stop;
is Playcount::Server::slurp($file), 'another one', 'and left alone, at the stop too';
rename "$file.away", $file or die "$file: $!";
$server->start;
is $server->post('/song/1')->{content}, '3', 'the first has all plays';

# Deleted: no name can be given to the file again, so a copy takes its place.
my $copied = qr/a copy of the deleted file=\Q$file\E has been put in its place/;
unlink $file or die $!;
ok $server->wait_for_log($copied), 'a deleted one gets a copy';
isnt inode($file), $inode, 'it is another file';
ok $server->wait_for_log(qr/was deleted; a copy stands in its place/), 'the log says what to do';
ok is_lost(), 'and the metrics that it is lost';
my $second = Playcount::Server->new(zone_file => $file, start => 0);
ok !$second->try_start, 'no other server can start on it';
like $second->start_output, qr/is in use by another server/, 'because it is in use';
is $server->post('/song/1')->{content}, '4', 'counting goes on';
$server->post("/song/new$_") for 1 .. 20;
$server->graceful;
is $server->post('/song/1')->{content}, '5', 'over a graceful restart too';
$server->stop;
$server->start;
is $server->post('/song/1')->{content}, '6', 'a stop loses nothing';
is $server->get('/song/new20')->{content}, '1', 'no song either';
ok !is_lost(), 'and the file is an ordinary one again';

# Deleted, and the whole server is killed.
unlink $file or die $!;
Playcount::Server::wait_until('another copy', sub { times_said($copied) > 1 });
$server->kill9_all;
$server->start;
is $server->get('/song/1')->{content}, '6', 'kill -9 loses nothing that is in the copy';
is $server->get('/song/new20')->{content}, '1', 'no song either';

# Deleted with its directory.
unlink $file or die $!;
rmdir $dir or die $!;
ok $server->wait_for_log(qr/was deleted and cannot be put back: a copy cannot be made: No such file/),
    'what cannot be put back is said';
is $server->post('/song/1')->{content}, '7', 'counting goes on';
mkdir $dir or die $!;
Playcount::Server::wait_until('a copy in the new directory', sub { times_said($copied) > 2 });
$server->stop;
$server->start;
is $server->post('/song/1')->{content}, '8', 'once there is a directory again nothing is lost';
done_testing;
