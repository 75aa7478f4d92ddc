# Playcount-Mapping tells which listings and pages are of the same mapping.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('mapping');
sub mapping { return $counter->request(@_)->{headers}{'playcount-mapping'} }

my $first = mapping('GET', '/');
like $first, qr/^[!-~]{1,63}$/, 'an empty listing has a name of printable ASCII';
$counter->post("/song/$_") for qw(a b c);
is mapping(@$_), $first, "the same after plays: @$_"
    for ['GET', '/'], ['HEAD', '/'], ['GET', '/songs'], ['GET', '/songs?limit=1'],
    ['GET', '/songs?after=a&limit=1'], ['GET', '/songs?after=c'], ['GET', '/songs?prefix=b'];
is mapping('GET', '/', headers => ['Accept: application/json']), $first, 'as JSON';
is mapping('GET', '/songs', headers => ['Accept: application/json']), $first, 'a page as JSON';
my $refusal = $counter->request('GET', '/songs?after=d');
is $refusal->{status}, 400, 'after a song that is not there';
is $refusal->{headers}{'playcount-mapping'}, $first, 'tells in which mapping it is not';
is mapping(@$_), undef, "none: @$_"
    for ['GET', '/song/a'], ['POST', '/song/a'], ['POST', '/songs', content => 'a=1'],
    ['GET', '/songs?top=1'], ['DELETE', '/'];

my $second = mapping('GET', '/');
isnt $second, $first, 'another one after a clear';
$counter->post("/song/$_") for qw(c b);
is mapping('GET', '/songs?after=c'), $second, 'also for its pages';
$counter->request('DELETE', '/');
my %seen = ($first => 1, $second => 1);
for (1 .. 100) {
    $seen{ mapping('GET', '/') }++;
    $counter->request('DELETE', '/');
}
is scalar keys %seen, 102, 'none comes again';
isnt mapping('GET', '/'), counter('listing', keep => 1)->request('GET', '/')->{headers}{'playcount-mapping'},
    'another zone, another mapping';

done_testing;
