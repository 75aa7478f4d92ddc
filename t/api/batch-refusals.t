# A batch with anything wrong in it is refused with a sentence that names the
# entry, and counts nothing.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('batch-refusals');
my $number = 'its number of plays is not a whole number from 1 to 9223372036854775807\.';
my $escape = 'its id has a % that is not followed by two hexadecimal digits other than 00\.';
my @json = ('Content-Type: application/json');

$counter->post('/song/good');

sub refused
{
    my ($body, $sentence, @headers) = @_;
    (my $name = substr $body, 0, 40) =~ s/[^ -~]/?/g;
    $counter->answers('POST', '/songs', 400, qr/^$sentence$/, "refused: $name",
        content => $body, headers => \@headers);
}

refused(@$_) for
    ['good=1,bad',        'Entry 2 of the batch: it is not of the form ID=PLAYS\.'],
    ['bad',               'Entry 1 of the batch: it is not of the form ID=PLAYS\.'],
    ['good=1,',           'Entry 2 of the batch: it is not of the form ID=PLAYS\.'],
    [',good=1',           'Entry 1 of the batch: it is not of the form ID=PLAYS\.'],
    ["good=1\n\ngood=1",  'Entry 2 of the batch: it is not of the form ID=PLAYS\.'],
    ["good=1\n\n",        'Entry 2 of the batch: it is not of the form ID=PLAYS\.'],
    ['good=1,good=0',     "Entry 2 of the batch: $number"],
    ['good=-1',           "Entry 1 of the batch: $number"],
    ['good=1.5',          "Entry 1 of the batch: $number"],
    ['good=',             "Entry 1 of the batch: $number"],
    ['good= 1',           "Entry 1 of the batch: $number"],
    ["good=\t1",          "Entry 1 of the batch: $number"],
    ["good=1 1",          "Entry 1 of the batch: $number"],
    ['good=1, ',          'Entry 2 of the batch: it is not of the form ID=PLAYS\.'],
    ["\xEF\xBB\xBF,good=1", 'Entry 1 of the batch: it is not of the form ID=PLAYS\.'],
    ['good=1=1',          "Entry 1 of the batch: $number"],
    ['good=9223372036854775808', "Entry 1 of the batch: $number"],
    ['good=1,=1',         'Entry 2 of the batch: its id is empty; it needs at least one byte\.'],
    ['good=1,a%=1',       "Entry 2 of the batch: $escape"],
    ['good=1,%zz=1',      "Entry 2 of the batch: $escape"],
    ['good=1,a%00=1',     "Entry 2 of the batch: $escape"],
    ["good=1,a\0=1",      'Entry 2 of the batch: its id contains a control character\.'],
    ["good=1,a\tb=1",     'Entry 2 of the batch: its id contains a control character\.'],
    ['good=1,a%0Ab=1',    'Entry 2 of the batch: its id contains a control character\.'],
    ["good=1,\xFF=1",     'Entry 2 of the batch: its id is not valid UTF-8\.'],
    ['good=1,%C3=1',      'Entry 2 of the batch: its id is not valid UTF-8\.'],
    ['good=1,' . 'x' x 256 . '=1', 'Entry 2 of the batch: its id is longer than 255 bytes\.'],
    ['{"good":1}',        'Entry 1 of the batch: it is not of the form ID=PLAYS\.'];

refused(@$_, @json) for
    ['{"good":1,"bad":0}',     "Entry 2 of the batch: $number"],
    ['{"good":1,"bad":-1}',    "Entry 2 of the batch: $number"],
    ['{"good":1,"bad":1.5}',   "Entry 2 of the batch: $number"],
    ['{"good":1,"bad":1.0}',   "Entry 2 of the batch: $number"],
    ['{"good":1,"bad":"1"}',   "Entry 2 of the batch: $number"],
    ['{"good":1,"bad":null}',  "Entry 2 of the batch: $number"],
    ['{"good":1,"bad":[1]}',   "Entry 2 of the batch: $number"],
    ['{"good":1,"":1}',        'Entry 2 of the batch: its id is empty; it needs at least one byte\.'],
    ['{"good":1,"a\n":1}',     'Entry 2 of the batch: its id contains a control character\.'],
    ['{"good":1,"' . 'x' x 256 . '":1}', 'Entry 2 of the batch: its id is longer than 255 bytes\.'],
    ['[1]',                    'The body is not a JSON object such as .*\.'],
    ['"good"',                 'The body is not .*\.'],
    ['',                       'The body is not valid JSON: .* \(line \d+, column \d+\)\.'],
    ['{"good":1',              'The body is not valid JSON: .*\.'],
    ['{"good":1}}',            'The body is not valid JSON: .*\.'],
    ['{"good":1,"good":1}',    'The body is not valid JSON: duplicate .*\.'],
    ['{"good":1,"a\u0000":1}', 'The body is not valid JSON: .*\.'],
    ['{"good":1,"\ud800":1}',  'The body is not valid JSON: .*\.'],
    ["{\"good\":1,\"\xFF\":1}", 'The body is not valid JSON: .*\.'],
    ['{"good":99999999999999999999}', 'The body is not valid JSON: .*\.'],
    ['good=1',                 'The body is not valid JSON: .*\.'],
    ['{"good":01}',            'The body is not valid JSON: a number begins with 0 \(line 1, column 9\)\.'],
    ['{"good":1e3}',           "Entry 1 of the batch: $number"],
    ['{"good":1E3}',           "Entry 1 of the batch: $number"],
    ['{"good":1,}',            'The body is not valid JSON: a name in double quotes is expected \(line 1, column 11\)\.'],
    ["{\"good\":1,\n \"bad\" 1}", 'The body is not valid JSON: a colon is expected \(line 2, column 8\)\.'],
    ["{'good':1}",             'The body is not valid JSON: .*\.'],
    ['{"good":1 "bad":1}',     'The body is not valid JSON: .*\.'],
    ['{"good":}',              'The body is not valid JSON: a value is expected .*\.'],
    ['{"good":1',              'The body is not valid JSON: it ends too early \(line 1, column 10\)\.'],
    ['{"good\\',               'The body is not valid JSON: it ends too early .*\.'],
    ["{\"go\tod\":1}",         'The body is not valid JSON: a control character .*\.'],
    ["{\"good\":1}\0",         'The body is not valid JSON: something follows .*\.'],
    ['{"a\x":1}',              'The body is not valid JSON: .*\.'],
    ['{"a\u12":1}',            'The body is not valid JSON: .*\.'],
    ['{"\udc00":1}',           'The body is not valid JSON: .*\.'],
    ['{"\ud800\u0041":1}',     'The body is not valid JSON: .*\.'],
    ['{"\ud83d\ud83d":1}',     'The body is not valid JSON: .*\.'],
    ['{"a":1,"\u0061":1}',     'The body is not valid JSON: duplicate .*\.'],
    ["{\"\xC0\xAF\":1}",       'The body is not valid JSON: .*\.'],
    ["{\"\xED\xA0\x80\":1}",   'The body is not valid JSON: .*\.'],
    ['{"' . '\u00e4' x 128 . '":1}', 'Entry 1 of the batch: its id is longer than 255 bytes\.'],

    # What no batch has is refused where it begins, whatever follows.
    ['[' x 100_000,            'The body is not a JSON object such as .*\.'],
    ['{"a":' x 100_000,        "Entry 1 of the batch: $number"],
    ['{"a":1,"b":tru',         "Entry 2 of the batch: $number"];

$counter->answers('POST', '/songs', 415,
    qr{^The body's Content-Type is neither text/plain nor application/json nor that of a form\.$},
    "Content-Type: $_", content => 'good=1', headers => ["Content-Type: $_"])
    for 'text/html', 'text/plainx', 'application/jsonl', 'application/xml',
    'multipart/form-data; boundary=x', 'image/png', 'json', 'text';

# A body that nobody decodes.
for my $coding ('gzip', 'deflate', 'br', 'x-gzip', 'gzip, identity', 'none') {
    my $answer = $counter->answers('POST', '/songs', 415,
        qr/^The body has a Content-Encoding, and this server does not decode it: /,
        "Content-Encoding: $coding", content => 'good=1', headers => ["Content-Encoding: $coding"]);
    is $answer->{headers}{'accept-encoding'}, 'identity', 'says what may be sent';
}
$counter->answers('POST', '/songs', 200, 'good=2', "Content-Encoding: $_", content => 'good=1',
    headers => ["Content-Encoding: $_"]) for 'identity';

$counter->answers('GET', '/', 200, 'good=2', 'nothing of it counted, nothing was registered');

# With JSON, a problem says the same.
$counter->answers('POST', '/songs', 400,
    '{"type":"about:blank","title":"Bad Request","status":400,'
    . '"detail":"Entry 1 of the batch: it is not of the form ID=PLAYS."}',
    'the sentence as a problem', type => 'application/problem+json',
    content => 'bad', headers => ['Accept: application/json']);

done_testing;
