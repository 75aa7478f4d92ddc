# POST /songs counts many plays at once: all of it or nothing.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('batch-text');

sub batch { return $counter->answers('POST', '/songs', 200, $_[1], $_[2],
    content => $_[0], @_[3 .. $#_]) }

batch('1=3,5=2', '1=3,5=2', 'two songs, their new counts');
batch('1=3,5=2', '1=6,5=4', 'once more');
batch('5=1,1=1', '5=5,1=7', 'the answer is in the order of the batch');
batch("1=1\n5=1", "1=8\n5=6", 'a line for each gets a line for each');
batch("1=1\n5=1\n", "1=9\n5=7", 'the last line may end');
batch("1=1\r\n5=1\r\n", "1=10\n5=8", 'lines may end with CR LF');
batch("\xEF\xBB\xBF1=0001,5=1", '1=11,5=9', 'a byte order mark is skipped');
batch("\xEF\xBB\xBF", '', 'and may be all there is');
batch("\r\n", '', 'an empty line alone is an empty batch');
$counter->request('POST', '/songs', content => '1=1');
batch('1=3, 5=2', '1=15,5=11', 'a blank after a comma');
batch("\t 1=1 \t,\t5=1 \r\n 1=1 \r\n", "1=16\n5=12\n1=17", 'blanks around entries');
batch("%201=1, \t%20 1 =1", '%201=1,%20 1 =1', 'escaped ones belong to the id');
$counter->request('DELETE', '/');
$counter->request('POST', '/songs', content => '1=10');
batch('1=1', '1=11', 'a single song');
batch("1=1\n", '1=12', 'in a line');
batch('', '', 'an empty batch is one too');
batch('x=1,x=2,y=1,x=3', 'x=1,x=3,y=1,x=6', 'a song more than once: the count after each');
batch('a%2Cb=1,a%3Db=2,a%25b=3', 'a%2Cb=1,a%3Db=2,a%25b=3',
    'percent-encoded ids come back so');
batch('%61%62=1', 'ab=1', 'what need not be encoded comes back as it is');
batch('a b/c=1', 'a b/c=1', 'spaces and slashes');
batch("\xC3\xA4=1", "\xC3\xA4=1", 'UTF-8');
batch('big=9223372036854775807', 'big=9223372036854775807', 'as many plays as there can be');

for my $type ('text/plain', 'text/plain; charset=utf-8', 'TEXT/PLAIN',
    'application/x-www-form-urlencoded', '') {
    my $was = $counter->get('/song/typed');
    batch('typed=1', 'typed=' . ($was + 1), "Content-Type: $type",
        headers => ["Content-Type: $type"]);
}

# As a form. These are the bytes that Python's requests sends for
# data={'a b': 1, 'c+d': 2, 'é': 3, 'x,y': 4, 'k=v': 5, 'p&q': 6, '100%': 7}.
my @form = (headers => ['Content-Type: application/x-www-form-urlencoded']);
batch('a+b=1&c%2Bd=2&%C3%A9=3&x%2Cy=4&k%3Dv=5&p%26q=6&100%25=7',
    "a b=1,c+d=2,\xC3\xA9=3,x%2Cy=4,k%3Dv=5,p&q=6,100%25=7", 'a form', @form);
batch('one=1&one=2', 'one=1,one=3', 'the same field twice', @form);
batch('w=1,v=2', 'w=1,v=2', "curl's text, which it calls a form", @form);
batch("w=1\nv=2\n", "w=2\nv=4", 'its lines', @form);
batch('u+1=1,t=2', 'u 1=1,t=2', 'a plus sign is a space, as the type says', @form);
batch('u+1=1,p&q=2', 'u+1=1,p&q=8', 'in text it is a plus sign, and & is &',
    headers => ['Content-Type: text/plain']);
$counter->answers('POST', '/songs', 400, qr/^Entry 2 of the batch: /, "a form: $_",
    content => $_, @form) for 'good=1&', 'good=1&&x=1', 'good=1&x', 'good=1&x=1%20', 'good=1&+=x';
$counter->answers('GET', '/song/good', 200, '0', 'counts nothing of it');

$counter->answers('GET', '/song/x', 200, '6', 'a batch counts as plays do');
$counter->request('DELETE', '/');
batch('c=1,a=1,b=1', 'c=1,a=1,b=1', 'new songs');
$counter->answers('GET', '/', 200, 'c=1,a=1,b=1', 'are registered in the order of the batch');

# As many entries as are allowed.
my $most = join ',', map { "$_=1" } 1 .. 65_536;
my $answer = $counter->request('POST', '/songs', content => $most);
is $answer->{status}, 200, '65,536 entries';
ok $answer->{content} eq $most, 'are answered in order';
$counter->answers('POST', '/songs', 413, qr/^The batch has more than 65536 entries/,
    'one more is refused', content => "$most,x=1");
$counter->answers('GET', '/song/x', 200, '0', 'as a whole');
$counter->answers('GET', '/song/1', 200, '1', 'indeed');

# A listing can be posted back.
$counter->request('DELETE', '/');
batch('a%2C=3,b%25=2,%3D=1,%20%20x=1', 'a%2C=3,b%25=2,%3D=1,%20 x=1', 'odd names');
my $listing = $counter->get('/');
batch($listing, 'a%2C=6,b%25=4,%3D=2,%20 x=2', 'a listing is a batch');

# An id that begins with such a mark is listed so that the listing can be read back.
$counter->answers('POST', '/songs', 200, '%EF%BB%BFmarked=1', 'a mark that belongs to the id',
    content => '%EF%BB%BFmarked=1');
$counter->answers('GET', '/songs?prefix=%EF%BB%BF', 200, '%EF%BB%BFmarked=1', 'is listed escaped');

done_testing;
