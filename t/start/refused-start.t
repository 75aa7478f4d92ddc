# What stops a start stands on the terminal of `httpd -k start`, which ends with a status that
# is not 0; `httpd -t` says it as well, as far as looking tells, and says nothing of what the
# running server of the same configuration has open.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

# Small files: no keys.
my @small = (start => 0, songs => 1000, location => '/plays', config => "PlaycountIdempotency 0\n");
my $left = Playcount::Server->new(@small, zone_file => '@root@/run/zone');

# httpd with these arguments: its exit status, and what stood on the terminal.
sub httpd
{
    my ($server, @arguments) = @_;
    my $terminal = $server->root . '/logs/terminal';
    waitpid Playcount::Process::start({ out => $terminal }, $server->command, @arguments), 0;
    return ($? >> 8, Playcount::Server::slurp($terminal));
}

sub is_refused
{
    my ($server, $what, $why, %option) = @_;
    my ($status, $said) = httpd($server, '-k', 'start');
    isnt $status, 0, "$what: httpd -k start has an exit status";
    like $said, $why, 'and the reason on the terminal';
    ok !-e $server->root . '/run/httpd.pid', 'no server runs';
    return if $option{start_only};
    ($status, $said) = httpd($server, '-t');
    isnt $status, 0, 'httpd -t refuses it';
    like $said, $why, 'with the reason';
    unlike $said, qr/Syntax OK/, 'and nothing else';
}

sub is_right
{
    my ($server, $what) = @_;
    my ($status, $said) = httpd($server, '-t');
    is $status, 0, "$what: httpd -t finds nothing" or diag $said;
    like $said, qr/^Syntax OK$/, 'and says so';
}

# In the background, as operators start it.
is_right($left, 'a file that is to be made');
is((httpd($left, '-k', 'start'))[0], 0, 'httpd -k start');
my $pid_file = $left->root . '/run/httpd.pid';
sub counts
{
    my ($server, $count, $what) = @_;
    Playcount::Server::wait_until($what, sub { $server->hang_up; ($server->post('/plays/song/1')->{content} // '') eq $count });
    pass $what;
}
sub pid { return Playcount::Server::slurp($pid_file) + 0 }
sub stop
{
    my $pid = pid();
    is((httpd($left, '-k', 'stop'))[0], 0, 'httpd -k stop');
    Playcount::Server::wait_until('its end', sub { !grep { $_->{group} == $pid } Playcount::Server::processes() });
}
counts($left, 1, 'it counts');
$left->{pid} = pid(); # so that nothing is left when the test dies
is_right($left, 'beside the server that has the file');
is((httpd($left, '-k', 'graceful'))[0], 0, 'httpd -k graceful');
$left->wait_for_log(qr/(?:resuming normal operations.*){2}/s);
counts($left, 2, 'after it, it counts on');
is_right($left, 'beside it after a graceful restart');

# Another server.
my $right = Playcount::Server->new(@small, zone_file => $left->root . '/run/zone');
is_refused($right, 'a file that another server has', qr/PlaycountZone default \(\S+\): file=\S+ is in use by another server/);
counts($left, 3, 'the other one counts on');
$left->post("/plays/song/abc$_") for 1 .. 9;
stop();
is_right($right, 'once it has stopped');
is((httpd($left, '-k', 'start'))[0], 0, 'a second start');
counts($left, 4, 'finds all plays');
$left->{pid} = pid();

# What was damaged under a running server does not keep it from being stopped.
truncate $left->root . '/run/zone', 5000 or die $!;
stop();
delete $left->{pid};
is_refused($left, 'a file that was cut short', qr/is damaged: its header does not fit its size/);

# What is in the file.
unlink $left->root . '/run/zone' or die $!;
$left->start;
$left->post("/plays/song/abc$_") for 1 .. 10;
$left->stop;
my $sound = Playcount::Server::slurp($left->root . '/run/zone');
(my $damaged = $sound) =~ s/abc5\0/abb5\0/ or die 'no song';
Playcount::Server::spew($right->zone_file, $damaged);
is_refused($right, 'a damaged song', qr/is damaged: a song in it is damaged/);
is Playcount::Server::slurp($right->zone_file), $damaged, 'nothing was changed';
Playcount::Server::spew($right->zone_file, $sound);
is_right($right, 'a sound one');
$right->{songs} = 9;
$right->write_config;
is_refused($right, 'more songs than fit', qr/holds 10 songs; set songs= to at least that/);
$right->{songs} = 10;
$right->write_config;
is_right($right, 'as many as fit');


# One file under two names.
symlink $right->zone_file, $right->root . '/run/link' or die $!;
$right->set_config("PlaycountIdempotency 0\nPlaycountZone second songs=10 file=run/link\n");
is_refused($right, 'a file that another zone has', qr/file=\S+ is (?:in use by another server or another zone|the file of the zone default already)/);
$right->set_config("PlaycountIdempotency 0\n");

# On a full disk.
SKIP: {
    my $small = $right->root . '/small';
    mkdir $small or die $!;
    skip 'cannot mount a file system', 9
        if $> != 0 || system("mount -t tmpfs -o size=6m,mode=755 none '$small' 2> /dev/null");
    my $ok = eval {
        my $server = Playcount::Server->new(@small, zone_file => "$small/zone");
        system('cp', '--sparse=always', $right->zone_file, "$small/zone") and die 'cp';
        is_right($server, 'a file with holes, and room for them');
        system "cat /dev/zero > '$small/filler' 2> /dev/null";
        is_refused($server, 'a file with holes on a full disk', qr/has holes/);
        unlink "$small/zone" or die $!;
        system "cat /dev/zero >> '$small/filler' 2> /dev/null";
        is_refused($server, 'a new file on a full disk', qr/(?:needs \d+ MB and the disk has 0 MB left|cannot have its \d+ MB)/);
        1;
    };
    my $error = $@;
    system 'umount', $small;
    ok $ok, 'on a full disk' or diag $error;
}

# The other rooms' files.
my $media = "PlaycountMedia On\nPlaycountMediaTable downloads=%d open=%d file=%s/run/media\n";
for my $server ($left, $right) {
    $server->{zone_file} = undef;
    $server->set_config(sprintf $media, 10, 5, $left->root);
}
is_right($left, 'a table of media that is to be made');
$left->start;
is_right($left, 'one that the server has open');
is_refused($right, 'one that another server has', qr/PlaycountMediaTable \(\S+\): file=\S+ is in use by another server/);
$left->stop;
is_right($right, 'one that is free');
$right->set_config(sprintf $media, 1000, 5, $left->root);
is_refused($right, 'one of another size', qr/was made for other numbers of downloads= and open=/);
my $table = $left->root . '/run/media';
Playcount::Server::spew($table, 'x' x -s $table);
$right->set_config(sprintf $media, 10, 5, $left->root);
is_refused($right, 'something else of this size', qr/or is no table of media/);
$right->set_config('PlaycountRecorder /proc/playcount-records');
is_refused($right, 'a recorder that cannot make its directory',
    qr{PlaycountRecorder \(\S+\): /proc/playcount-records cannot be made}, start_only => 1);
$right->set_config('Mutex posixsem playcount');
is_refused($right, 'a mutex that a dead process keeps', qr/Mutex posixsem cannot be used for playcount/, start_only => 1);

done_testing;
