# Counts have 63 bits, and stop at the top.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('top-of-counts');
my $top = '9223372036854775807';

$counter->answers('POST', '/songs', 200, 'a=9223372036854775800', 'close to the top',
    content => 'a=9223372036854775800');
$counter->answers('POST', '/song/a?by=6', 200, '9223372036854775806', 'closer');
$counter->answers('POST', '/song/a', 200, $top, 'the top');
$counter->answers('POST', '/song/a', 200, $top, 'there it stops');
$counter->answers('POST', '/song/a?by=1000000000', 200, $top, 'with many plays too');
$counter->answers('POST', '/songs', 200, "a=$top,b=1", 'in a batch', content => "a=$top,b=1");
$counter->answers('POST', '/songs', 200, "b=$top", 'from below, by a batch', content => "b=$top");
$counter->answers('POST', '/song/c?by=1000000000', 200, '1000000000', 'another song');
$counter->answers('POST', '/songs', 200, "d=$top,d=$top", 'twice in a batch',
    content => "d=$top,d=$top");
$counter->answers('GET', '/', 200, "a=$top,b=$top,c=1000000000,d=$top", 'all is listed');
$counter->answers('GET', '/songs?top=2', 200, "a=$top,b=$top", 'and found');
$counter->answers('GET', '/song/a', 200, qq({"song":"a","count":$top,"href":"/top-of-counts/song/a"}),
    'in JSON', type => 'application/json', headers => ['Accept: application/json']);
$counter->answers('POST', '/songs', 200, qq({"a":$top}), 'in a JSON batch',
    content => qq({"a":$top}), type => 'application/json',
    headers => ['Content-Type: application/json']);

done_testing;
