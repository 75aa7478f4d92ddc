# A full zone refuses new songs with 507; those that are there count on. The
# log says so once, not with every refusal.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('full-zone');
my ($start) = lines_since(0);

$counter->answers('POST', "/song/$_", 200, '1', "song $_ fits") for 1 .. 3;
my $sentence = 'The zone is full: it takes no new songs.';
$counter->answers('POST', '/song/4', 507, $sentence, 'one more does not') for 1 .. 20;
$counter->answers('GET', '/song/4', 200, '0', 'it has no plays');
$counter->answers('POST', '/song/1', 200, '2', 'songs that are there count on');
$counter->answers('POST', '/songs', 200, '1=3,2=2', 'in batches too', content => '1=1,2=1');
$counter->answers('POST', '/songs', 507, $sentence, 'a batch with a new song is refused',
    content => '1=1,5=1,2=1');
$counter->answers('GET', '/', 200, '1=3,2=2,3=1', 'as a whole');
$counter->answers('POST', '/song/4', 507,
    '{"type":"about:blank","title":"Insufficient Storage","status":507,'
    . qq("detail":"$sentence"}), 'as a problem', type => 'application/problem+json',
    headers => ['Accept: application/json']);
$counter->answers('DELETE', '/', 200, 'OK', 'clearing');
$counter->answers('POST', '/song/4', 200, '1', 'makes room');
$counter->answers('POST', '/songs', 507, $sentence, 'but not for three more',
    content => '5=1,6=1,7=1');
$counter->answers('GET', '/', 200, '4=1', 'of which none was registered');
$counter->answers('POST', '/songs', 200, '5=1,6=1', 'two do fit', content => '5=1,6=1');

my (undef, @lines) = lines_since($start);
my @said = grep { /PlaycountZone full-zone is full: 3 songs\. .*songs=/ } @lines;
ok @said <= 2, 'the log says it at most once a minute';
open my $log, '<', error_log() or die error_log() . ": $!";
ok scalar(grep { /PlaycountZone full-zone is full: 3 songs\. .*songs=/ } <$log>),
    'and does say it, with what to do';

done_testing;
