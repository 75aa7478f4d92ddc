# A zone's file that is moved away, deleted or replaced under a running server is noticed
# within seconds, whatever sync= is, logged and put back whole; what has its name is never
# overwritten.
#
# The parent looks every ten seconds, so all of it happens to several zones at once.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

sub server
{
    my (@zones) = @_;
    my $server = Playcount::Server->new(start => 0, location => undef, config => join '',
        "<Location /metrics>\nSetHandler playcount-metrics\n</Location>\n",
        map { <<"EOT" } @zones);
PlaycountZone $_ songs=1000 file=\@root\@/$_/zone sync=3600
<Location /$_>
    SetHandler playcount
    PlaycountUse $_
</Location>
EOT
    mkdir $server->root . "/$_" or die $! for @zones;
    $server->start;
    is $server->post("/$_/song/1")->{content}, '1', "a play is counted in the zone $_" for @zones;
    return $server;
}

my @zones = qw(moved replaced deleted gone);
my $server = server(@zones);
my $killed = server('killed');

sub file { my ($zone) = @_; return ($zone eq 'killed' ? $killed : $server)->root . "/$zone/zone" }
sub inode { (stat $_[0])[1] // 0 }
sub lost
{
    return join ' ', sort $server->get('/metrics?format=prometheus')->{content}
        =~ /^playcount_zone_file_lost\{zone="(\w+)"\} 1$/mg;
}
sub says
{
    my ($zone, $what, $name) = @_;
    my $file = file($zone);
    return ok +($zone eq 'killed' ? $killed : $server)->wait_for_log($what =~ s/FILE/file=\Q$file\E/r), $name;
}
sub counts
{
    my ($n, $what) = @_;
    is $server->post("/$_/song/1")->{content}, $n, "$_: $what" for @zones;
}
my %inode = map { $_ => inode(file($_)) } @zones;
unlike $server->error_log, qr/has been (?:deleted|replaced)/, 'nothing is said';
is lost(), '', 'and nothing lost';

rename file($_), file($_) . '.away' or die "$_: $!" for 'moved', 'replaced';
Playcount::Server::spew(file('replaced'), 'another one');
unlink file($_) or die "$_: $!" for 'deleted', 'gone', 'killed';
rmdir $server->root . '/gone' or die $!;

# Noticed by a child, within a second or two; what the parent can put back may be there again
# before.
says('gone', qr/PlaycountZone gone: FILE has been deleted/, 'a file that is deleted is noticed');
says('replaced', qr/FILE has been replaced by another file/, 'so is another one in its place');

# Moved: the file has another name, and gets its own again. Deleted: no name can be given to
# it again, so a copy takes its place, if there is one.
says('moved', qr/FILE was moved away while .* has been given its name again; nothing is lost/,
    'a file that was moved away is put back');
is inode(file('moved')), $inode{moved}, 'the same one';
says('deleted', qr/a copy of the deleted FILE has been put in its place/, 'a deleted one gets a copy');
isnt inode(file('deleted')), $inode{deleted}, 'it is another file';
says('deleted', qr/FILE was deleted; a copy stands in its place/, 'the log says what to do');
says('gone', qr/FILE was deleted and cannot be put back: a copy cannot be made: No such file/,
    'what cannot be put back is said');
Playcount::Server::wait_until('the metrics say so', sub { lost() eq 'deleted gone replaced' });
pass 'the metrics say which files are lost';
counts(2, 'counting goes on');
my $second = Playcount::Server->new(zone_file => file('deleted'), start => 0);
ok !$second->try_start, 'no other server can start on a copy';
like $second->start_output, qr/is in use by another server/, 'because it is in use';

# The whole server is killed.
says('killed', qr/a copy of the deleted FILE has been put in its place/, 'one more copy');
$killed->kill9_all;
$killed->start;
is $killed->get('/killed/song/1')->{content}, '1', 'kill -9 loses nothing that is in the copy';

mkdir $server->root . '/gone' or die $!;
says('gone', qr/a copy of the deleted FILE has been put in its place/, 'once there is a directory again, a copy is');
$server->post("/deleted/song/new$_") for 1 .. 20;
$server->graceful;
counts(3, 'counting goes on over a graceful restart');
$server->stop;
is Playcount::Server::slurp(file('replaced')), 'another one', 'what is in the place of a file is left alone, at the stop too';
rename file('replaced') . '.away', file('replaced') or die $!;
$server->start;
counts(4, 'a stop loses nothing');
is $server->get('/deleted/song/new20')->{content}, '1', 'no song either';
is lost(), '', 'and the files are ordinary ones again';
done_testing;
