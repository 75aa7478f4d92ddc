# A server that is restarted gracefully while somebody downloads lets the download end, and it
# counts; one whose children are killed knows nothing of what they had sent, and the client
# that comes again counts once.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $server = Playcount::Media::server(songs => 100);
my ($size) = Playcount::Media::make($server->root . '/htdocs', 'middle.mp3');

# The log's lines about this User-Agent, when there are n.
sub lines_of
{
    my ($pattern, $n) = @_;
    my @found;
    Playcount::Server::wait_until("$n lines about $pattern", sub {
        @found = grep { /"$pattern[^"]*"$/ && !/^- / } split /\n/,
            Playcount::Server::slurp($server->root . '/logs/media');
        return @found >= $n;
    });
    return @found;
}

# A slow download; what happens after 200 kB of it.
sub interrupted
{
    my ($who, $event) = @_;
    my $url = $server->url('/middle.mp3');
    my $pid = open my $curl, '-|', 'curl', '-s', '-A', $who, '--limit-rate', '1M', '-o', '-', $url or die $!;
    my $got = 0;
    while ($got < 200_000 && (my $n = read $curl, my $bytes, 10_000)) { $got += $n }
    $event->();
    while (my $n = read $curl, my $bytes, 65_536) { $got += $n }
    close $curl;
    return $got;
}
is interrupted('Restarted', sub { $server->graceful(old_may_stay => 1) }), $size,
    'a graceful restart lets a download end';
like((lines_of('Restarted', 1))[0], qr/^played /, 'which counts');
my $got = interrupted('Killed', sub { $server->kill9_child($_) for $server->children });
cmp_ok $got, '<', $size, 'a killed child breaks a download off';
Playcount::Media::curl($server, 'middle.mp3', '-A', 'Killed', '-r', "$got-");
my ($line) = lines_of('Killed', 1);
like $line, qr/^(?:open|played) /, 'the client goes on, and what came before is not known';
Playcount::Media::curl($server, 'middle.mp3', '-A', 'Killed');
is((() = grep { /^played/ } lines_of('Killed', 2)), 1, 'with all of it he counts once');
is Playcount::Media::plays($server, '/middle.mp3'), 2, 'two plays';

done_testing;
