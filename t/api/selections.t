# GET /songs selects: the highest counts, the ids with a prefix, a page.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('selections');
sub songs { return $counter->answers('GET', "/songs$_[0]", 200, $_[1], $_[2] // $_[0]) }

songs($_, '', "nothing there: $_") for '', '?top=3', '?prefix=a', '?limit=1';

$counter->post('/songs', content => 'a1=5,b1=9,a2=7,c=7,a3=1,b2=7');
songs('', 'a1=5,b1=9,a2=7,c=7,a3=1,b2=7', 'all of them, in the listing\'s order');

songs('?top=1', 'b1=9');
songs('?top=2', 'b1=9,a2=7', '?top=2: equal ones in the order of their first play');
songs('?top=4', 'b1=9,a2=7,c=7,b2=7');
songs('?top=6', 'b1=9,a2=7,c=7,b2=7,a1=5,a3=1');
songs('?top=100000000', 'b1=9,a2=7,c=7,b2=7,a1=5,a3=1', 'more than there are');
songs('?top=5&limit=2', 'b1=9,a2=7');

songs('?prefix=a', 'a1=5,a2=7,a3=1');
songs('?prefix=a2', 'a2=7');
songs('?prefix=A', '');
songs('?prefix=', 'a1=5,b1=9,a2=7,c=7,a3=1,b2=7');
songs('?prefix=%61', 'a1=5,a2=7,a3=1');
songs('?prefix=a&limit=2', 'a1=5,a2=7');
songs('?limit=2&prefix=b&x=y', 'b1=9,b2=7');

songs('?limit=2', 'a1=5,b1=9');
songs('?after=b1&limit=2', 'a2=7,c=7');
songs('?after=c&limit=2', 'a3=1,b2=7');
songs('?after=b2&limit=2', '', 'after the last one');
songs('?after=a1', 'b1=9,a2=7,c=7,a3=1,b2=7');
songs('?after=a1&prefix=a', 'a2=7,a3=1');
songs('?after=a1&prefix=a&limit=1', 'a2=7');

$counter->post('/songs', content => 'a%2C%3D%25=2,x y=1,u+v=1');
songs('?prefix=a%2C', 'a%2C%3D%25=2', 'percent-encoded');
songs('?after=a%2C%3D%25', 'x y=1,u+v=1');
songs('?prefix=x+', 'x y=1', 'a plus sign is a space in a query');
songs('?prefix=u%2Bv', 'u+v=1');

# Pages put together are the listing.
$counter->post('/songs', content => join ',', map { "p$_=$_" } 1 .. 500);
my ($pages, $after) = ('');
for (1 .. 100) {
    my $page = $counter->get('/songs?limit=7' . (defined $after ? '&after=' . escape($after) : ''));
    last if $page eq '';
    $pages .= ',' if length $pages;
    $pages .= $page;
    ($after) = $page =~ /([^,]*)=\d+$/;
    $after =~ s/%(..)/chr hex $1/ge;
}
is $pages, $counter->get('/'), 'pages put together are the listing';

my $count = qr/ is not a whole number from 1 to 100000000\.$/;
$counter->answers('GET', "/songs?$_", 400, $count, $_)
    for 'top=0', 'top=', 'top', 'top=-1', 'top=x', 'top=1.5', 'top=100000001', 'limit=0',
    'limit=', 'limit=x', 'limit=99999999999999999999';
$counter->answers('GET', "/songs?$_", 400, qr/more than once\.$/, $_)
    for 'top=1&top=2', 'prefix=a&prefix=a', 'limit=1&limit=1', 'after=c&after=c';
$counter->answers('GET', "/songs?$_", 400, qr/two hexadecimal digits/, $_)
    for 'prefix=%', 'prefix=%z1', 'after=%00', 'top=%4';
$counter->answers('GET', "/songs?$_", 400, 'top goes neither with prefix nor with after.', $_)
    for 'top=1&prefix=a', 'top=1&after=a1';
$counter->answers('GET', "/songs?$_", 400, 'after names no song that is here.', $_)
    for 'after=nobody', 'after=', 'after=%FF', 'after=' . 'x' x 300;

done_testing;
