# POST /songs with a JSON object: answered with one, in the same order.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('batch-json');

sub batch
{
    my ($body, $answer, $name, @headers) = @_;
    return $counter->answers('POST', '/songs', 200, $answer, $name, content => $body,
        type => 'application/json',
        headers => ['Content-Type: application/json', @headers]);
}

batch('{"1":3,"5":2}', '{"1":3,"5":2}', 'two songs');
batch('{"5":2,"1":3}', '{"5":4,"1":6}', 'in the order of the batch');
batch(" {\n \"1\" : 1 ,\t\"5\":1\r\n}\n", '{"1":7,"5":5}', 'white space does not matter');
batch("\xEF\xBB\xBF{\"1\":1}", '{"1":8}', 'a byte order mark is skipped');
batch("\xEF\xBB\xBF {}", '{}', 'an empty object');
batch('{}', '{}', 'a shorter one');
batch('{"a,b=c%20":1}', '{"a,b=c%20":1}', 'what the text form escapes');
batch('{"\u00e4\ud83d\ude00":1}', qq({"\xC3\xA4\xF0\x9F\x98\x80":1}), 'escapes of JSON');
batch('{"\u007e\u07ff\u0800\uffff\ud800\udc00\uDBFF\uDFFF":1}',
    qq({"~\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF":1}), 'of every length');
batch('{"a\u0020\u0062":1}', '{"a b":1}', 'escapes of what needs none');
batch('{"' . '\u00e4' x 127 . '":1}', '{"' . "\xC3\xA4" x 127 . '":1}', 'many of them');
batch('{"q\"b\\\\":1}', '{"q\"b\\\\":1}', 'quotes and backslashes');
batch('{"slash\/":1}', '{"slash/":1}', 'an escaped slash');
batch('{"big":9223372036854775807}', '{"big":9223372036854775807}', 'as many as there can be');
batch('{"t":1}', '{"t":1}', 'whatever Accept says', 'Accept: text/plain');
for my $type ('application/json; charset=utf-8', 'Application/JSON', 'application/json;') {
    my $was = $counter->get('/song/typed');
    my $answer = $counter->request('POST', '/songs', content => '{"typed":1}',
        headers => ["Content-Type: $type"]);
    is $answer->{content}, sprintf('{"typed":%d}', $was + 1), "Content-Type: $type";
}
$counter->answers('POST', '/songs', 200, '{"1":9}', 'a text batch, JSON accepted',
    type => 'application/json', content => '1=1', headers => ['Accept: application/json']);

my $most = '{' . join(',', map { qq("s $_, x":1) } 1 .. 65_536) . '}';
my $answer = $counter->request('POST', '/songs', content => $most,
    headers => ['Content-Type: application/json']);
is $answer->{status}, 200, '65,536 entries, with commas in their ids';
ok $answer->{content} eq $most, 'are answered in order';
(my $over = $most) =~ s/\}$/,"x":1}/;
$counter->answers('POST', '/songs', 413, qr/^The batch has more than 65536 entries/,
    'one more is refused', content => $over, headers => ['Content-Type: application/json']);
$counter->answers('GET', '/song/x', 200, '0', 'as a whole');

done_testing;
