# A zone's file that is cut short under a running server, or that has a hole on a full disk,
# costs that zone: its requests get 503, no child ends, everything else goes on. Once it is
# put right, a graceful restart opens it again.
use strict;
use warnings;
use Test::More;
use Playcount::Lane;
use Playcount::Server;

my $more = <<'EOF';
PlaycountIdempotency 0
PlaycountZone other songs=100
<Location "/other">
    SetHandler playcount
    PlaycountUse other
</Location>
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
EOF

sub statuses { my ($server, @requests) = @_; return join ' ', map { $server->request(@$_)->{status} } @requests }

# What every server does then. The pids are the children's of before.
sub is_healthy
{
    my ($server, $how, @pids) = @_;
    my @to_the_zone = (['POST', '/plays/song/1'], ['GET', '/plays/song/1'], ['GET', '/plays/'],
        ['GET', '/plays/songs?top=3'], ['DELETE', '/plays/song/1'], ['POST', '/plays/handoff'],
        ['DELETE', '/plays/'], ['POST', '/plays/songs', content => '1=1']);

    # The request that finds it out, and those after it.
    is statuses($server, @to_the_zone, (@to_the_zone) x 2), join(' ', ('503') x 24), "$how: its requests get 503";
    is $server->get('/plays/song/1')->{content},
        q(The zone's file cannot be read or written; the server's error log says more.), 'with a sentence';
    is statuses($server, ['GET', '/page'], ['POST', '/other/song/1']), '200 200',
        'files and other zones are served';
    is_deeply [$server->children], \@pids, 'no child has ended';
    ok $server->wait_for_log(qr/PlaycountZone default: file=\S+ cannot be read or written: it was cut/), 'the log says it';
    my $metrics = $server->get('/metrics?format=prometheus')->{content};
    like $metrics, qr/^playcount_zone_available\{zone="default"\} 0$/m, 'the metrics too';
    like $metrics, qr/^playcount_zone_available\{zone="other"\} 1$/m, 'but not of the other zone';
}

for my $mpm (qw(event prefork)) {
    my $server = Playcount::Server->new(mpm => $mpm, processes => 2, zone_file => 1, location => '/plays',
        config => $more);
    Playcount::Server::spew($server->root . '/htdocs/page', 'a page');
    $server->post("/plays/song/$_") for 1 .. 10;
    system('cp', $server->zone_file, $server->root . '/backup') and die 'cp';
    truncate $server->zone_file, 0 or die $!;
    is_healthy($server, "cut short under $mpm", $server->children);
    next if $mpm eq 'prefork';

    $server->graceful;
    is statuses($server, ['GET', '/page'], ['POST', '/other/song/1'], ['POST', '/plays/song/1']), '200 200 503',
        'a graceful restart changes nothing';
    system('cp', $server->root . '/backup', $server->zone_file) and die 'cp';
    $server->graceful;
    is statuses($server, ['POST', '/plays/song/1'], ['POST', '/other/song/1']), '200 200',
        'once the file is back, the next one opens it again';
    is $server->get('/plays/song/1')->{content}, '2', 'with what is in it';
    like $server->error_log, qr/file=\S+, which could not be read or written, has been opened again/, 'the log says it';
    $server->graceful;
    is $server->get('/plays/song/1')->{content}, '2', 'it is found again at the next one';
    truncate $server->zone_file, 0 or die $!;
    is statuses($server, (['POST', '/plays/song/1']) x 3), '503 503 503', 'it may fail again';
    unlink $server->zone_file or die $!;
    $server->graceful;
    is statuses($server, ['GET', '/page'], ['POST', '/plays/song/1']), '200 503', 'no new one is made while it runs';
    ok !-e $server->zone_file, 'not even a file';
    Playcount::Server::spew($server->zone_file, '');
    $server->stop;
    ok !$server->try_start, 'such a file is refused at the next start';
    like $server->start_output, qr/file=\S+ is not a file of mod_playcount/, 'with the reason';
    unlink $server->zone_file or die $!;
    $server->start;
    is $server->post('/plays/song/1')->{content}, '1', 'without it, a new one is made';
}

# In the lane.
{
    my $server = Playcount::Lane::server('On', zone_file => 1, location => '/plays');
    my $socket = Playcount::Lane::connect_to($server);
    my $ask = sub {
        syswrite $socket, "POST /plays/song/1 HTTP/1.1\r\nHost: localhost\r\n\r\n" or die $!;
        return Playcount::Lane::read_answers($socket, ['POST']);
    };
    $ask->() for 1 .. 4;
    cmp_ok Playcount::Lane::numbers($server)->{Requests}, '>', 0, 'the lane counts';
    truncate $server->zone_file, 0 or die $!;
    like $ask->(), qr/^HTTP\S+ 503 /, 'and gives the request to httpd then';
    is statuses($server, (['POST', '/plays/song/1']) x 3), '503 503 503', 'as on every connection';
}

# A hole on a full disk.
SKIP: {
    my $server = Playcount::Server->new(songs => '1k', zone_file => '@root@/small/zone', location => '/plays',
        start => 0, config => $more);
    my $small = $server->root . '/small';
    mkdir $small or die $!;
    skip 'cannot mount a file system', 7
        if $> != 0 || system("mount -t tmpfs -o size=4m,mode=755 none '$small' 2> /dev/null");
    my $ok = eval {
        Playcount::Server::spew($server->root . '/htdocs/page', 'a page');
        $server->start;
        $server->post('/plays/song/1');
        system "fallocate --punch-hole --offset 4096 --length 4m '$small/zone'" and die 'fallocate';
        system "cat /dev/zero > '$small/filler' 2> /dev/null";
        is_healthy($server, 'a hole on a full disk', $server->children);

        # What had a hole was the index and the songs. Now only the journal of batches.
        $server->stop;
        unlink "$small/zone", "$small/filler" or die $!;
        $server->start;
        $server->post('/plays/song/1') for 1 .. 3;
        my $size = -s "$small/zone";
        system 'fallocate', '--punch-hole', '--offset', $size - 2**21, '--length', 2**21, "$small/zone" and die 'fallocate';
        system "cat /dev/zero > '$small/filler' 2> /dev/null";
        my @batch = ('POST', '/plays/songs', content => join(',', map { "s$_=1" } 1 .. 900),
            headers => { 'content-type' => 'text/plain' });
        is statuses($server, \@batch), '503', 'a hole in the journal';
        $server->graceful;
        is statuses($server, ['GET', '/page'], ['POST', '/plays/song/1']), '200 503', 'as long as the disk is full';
        unlink "$small/filler" or die $!;
        $server->graceful;
        is $server->post('/plays/song/1')->{content}, '4', 'with room for it, the restart opens it again';
        is statuses($server, \@batch), '200', 'whole';
        1;
    };
    my $error = $@;
    $server->stop;
    system 'umount', $small;
    ok $ok, 'a hole on a full disk' or diag $error;
}
done_testing;
