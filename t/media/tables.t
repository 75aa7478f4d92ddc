# What is known of listeners outlives killed children, graceful restarts and, in a file, the
# server; a full table refuses new listeners, says so, and evicts nobody. Metrics show it.
use strict;
use warnings;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $n = 0;
sub get
{
    my ($server, $who, @options) = @_;
    Playcount::Media::curl($server, 'short.mp3', '-A', $who, @options);
    return (split / /, (Playcount::Media::lines($server, ++$n))[-1])[0];
}

sub json
{
    my ($server) = @_;
    return Cpanel::JSON::XS::decode_json($server->get('/metrics?format=json')->{content})->{media};
}

my $metrics = <<'EOT';
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
EOT
my $server = Playcount::Media::server(zone_file => 1, start => 0,
    config => "PlaycountMediaTable downloads=10 open=5 file=run/media\n$metrics");
my ($size) = Playcount::Media::make($server->root . '/htdocs', 'short.mp3');
my ($first, $rest) = map { ['-r', $_] } '0-' . ($size / 2 - 1), $size / 2 . '-';
$server->start;

is get($server, 'A', @$first), 'open', 'half of it';
$server->kill9_child($_) for $server->children;
is get($server, 'A', @$rest), 'played', 'the other half, after all children were killed';
is get($server, 'A'), 'again', 'he is known';
is get($server, 'B', @$first), 'open', 'another listener has half of it';
$server->graceful;
is get($server, 'B', @$rest), 'played', 'and the rest, after a graceful restart';
is get($server, 'C', @$first), 'open', 'a third one';
$server->stop;
$server->start;
is get($server, 'C', @$rest), 'played', 'after a stop and a start, as there is a file';
is get($server, 'B'), 'again', 'and who was counted is known';
$server->kill9_all;
$server->start;
is get($server, 'C'), 'again', 'after a kill of all processes';
is Playcount::Media::plays($server, '/short.mp3'), 3, 'three plays';

# Full.
is get($server, "D$_"), 'played', "listener $_ of ten" for 4 .. 10;
is get($server, "E$_"), 'full', 'one more than ten' for 1 .. 3;
is get($server, 'A'), 'again', 'nobody was evicted';
is Playcount::Media::plays($server, '/short.mp3'), 10, 'ten plays';
# Two, if a minute ended meanwhile.
like scalar(() = $server->error_log =~ /PlaycountMedia: \S+ is not counted: the table of counted listeners is full \(downloads=\)/g),
    qr/^[12]\z/, 'it is logged once a minute, not three times' or diag $server->error_log;

my $media = json($server);
is_deeply [@{ $media->{deliveries} }{qw(played open again full bot)}], [10, 3, 4, 3, 0],
    'the verdicts in the JSON';
is "$media->{downloads} of $media->{downloads_limit}, $media->{open} of $media->{open_limit}",
    '10 of 10, 0 of 5', 'how full the tables are';
my $text = $server->get('/metrics')->{content};
like $text, qr/^playcount_media_deliveries_total\{verdict="played"\} 10$/m, 'and for Prometheus';
like $text, qr/^playcount_media_downloads 10$/m, 'and how full it is';
Playcount::Server::spew($server->root . '/text', $text);
is `promtool check metrics < @{[$server->root]}/text 2>&1`, '', 'promtool finds nothing';

# Another size: the graceful restart goes on with the old one, the start refuses.
$server->set_config($server->{config} =~ s/downloads=10/downloads=20/r);
$server->graceful;
like $server->error_log, qr/PlaycountMediaTable \(.*\): the tables go on as they are \(downloads=10 open=5 file=/,
    'a graceful restart says that the size stays';
$server->stop;
like $server->refusal, qr/PlaycountMediaTable \(.*\): file=\S+ was made for other numbers of downloads= and open=/,
    'a start says what is wrong with the file';
$server->set_config($server->{config} =~ s/downloads=20/downloads=10/r);
$server->start;
is get($server, 'A'), 'again', 'nothing was changed';

# The zone has no room: the listener is not counted, and is as soon as there is room.
my $small = Playcount::Media::server(songs => 1, config => $metrics);
$n = 0;
Playcount::Media::make($small->root . '/htdocs', 'short.mp3');
$small->post('/plays/song/other');
is get($small, 'A'), 'full', 'the zone is full';
like $small->error_log, qr/is not counted: the zone is full/, 'which is logged';
$small->delete('/plays/song/other');
is get($small, 'A'), 'played', 'with room in the zone he counts';

my $off = Playcount::Server->new(songs => 10, config => $metrics);
is json($off), undef, 'without PlaycountMedia there is nothing to show';
unlike $off->get('/metrics')->{content}, qr/playcount_media/, 'nor for Prometheus';

done_testing;
