# Wherever SetHandler playcount stands, there is the root of the interface:
# at /, below it, nested, by a pattern, in virtual hosts that count apart, and
# behind rewriting.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('location');
my $inner = counter('location/inner');

$counter->answers('POST', '/song/1', 200, '1', 'a location');
$inner->answers('POST', '/song/1?by=5', 200, '5', 'one inside it, with a zone of its own');
$counter->answers('GET', '/', 200, '1=1', 'they count apart');
$inner->answers('GET', '', 200, '1=5', 'both ways');
$counter->answers('GET', '/inner', 200, '1=5', 'the inner one is not a path of the outer one',
    type => 'text/plain; charset=utf-8');
is $counter->request('GET', '/static/song/1')->{status}, 404, 'SetHandler none inside it is not ours';

for my $root ('/match-a/plays', '/match-bcd/plays', '/expression', '/aliased') {
    my $at = counter('location', root => $root, keep => 1);
    $at->answers('GET', '/song/1', 200, '1', "$root: a song");
    $at->answers('GET', '', 200, '1=1', "$root: the root");
    $at->answers('GET', '/', 200, '1=1', "$root: the root and a slash");
    $at->answers('GET', '/songs?top=1', 200, '1=1', "$root: songs");
    $at->answers('GET', '/song/1', 200, qq({"song":"1","count":1,"href":"$root/song/1"}),
        "$root: links begin with it", type => 'application/json',
        headers => ['Accept: application/json']);
    $at->answers('GET', '/song/a//b/../c%2Fd', 200, '0', "$root: ids are whole");
}

# Rewriting.
my $client = $counter->client;
is $client->request('POST', '/short/7', again => 1)->{content}, '1', 'a rule leads to a song';
is $client->request('POST', '/location/song/old-8', again => 1)->{content}, '1', 'from a song to another';
$counter->answers('GET', '/', 200, '1=1,7=1,new-8=1', 'what was rewritten counts');

# Virtual hosts.
my $one = counter('', root => '', port => port_of('playcount_one'));
my $two = counter('', root => '', port => port_of('playcount_two'));
$one->answers('POST', '/song/1', 200, '1', 'a virtual host, at its root');
$two->answers('POST', '/song/1?by=7', 200, '7', 'another one');
$one->answers('GET', '/', 200, '1=1', 'counts apart');
$two->answers('GET', '/', 200, '1=7', 'likewise');
$one->answers('GET', '/of-two/song/1', 200, '7', 'PlaycountUse in a directory of the first');
$one->answers('GET', '/song/of-two', 200, '0', 'a song may be called as a location');
$one->answers('GET', '/song/1', 200, '{"song":"1","count":1,"href":"/song/1"}', 'links at the root',
    type => 'application/json', headers => ['Accept: application/json']);
$two->answers('GET', '/nothing', 404, 'Not Found', 'ErrorDocument does not come between');
$two->answers('PUT', '/song/1', 405, 'Method Not Allowed', 'nor for a 405');
$two->answers('GET', '/', 200, '1=7', 'and counts nothing');

done_testing;
