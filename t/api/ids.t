# An id is 1 to 255 bytes of UTF-8 without control characters; everything after
# /song/ belongs to it.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('ids');

# Paths as they are written, and the id that they mean.
my @good = (
    ['42'                  => '42'],
    ['a%20b'               => 'a b'],
    ['%61'                 => 'a'],
    ['a+b'                 => 'a+b'],
    ['a%2Bb'               => 'a+b'],
    ['a%2525b'             => 'a%25b'],
    ['a%252Fb'             => 'a%2Fb'],
    ['a/b'                 => 'a/b'],
    ['a%2Fb'               => 'a/b'],
    ['a%2fb/c'             => 'a/b/c'],
    ['a//b'                => 'a//b'],
    ['/a'                  => '/a'],
    ['/'                   => '/'],
    ['a/'                  => 'a/'],
    ['%2F'                 => '/'],
    ['.'                   => '.'],
    ['...'                 => '...'],
    ['.hidden'             => '.hidden'],
    ['a.mp3'               => 'a.mp3'],
    ['a/./b'               => 'a/./b'],
    ['a/../b'              => 'a/../b'],
    ['a/%2e%2e/c'          => 'a/../c'],
    ['a%2F..%2Fd'          => 'a/../d'],
    ['a/..'                => 'a/..'],
    ['a,b'                 => 'a,b'],
    ['a=b'                 => 'a=b'],
    ['a%25'                => 'a%'],
    ['a%3Fb'               => 'a?b'],
    ['a%23b'               => 'a#b'],
    ['a;b'                 => 'a;b'],
    ['a:b@c!$&\'()*'       => 'a:b@c!$&\'()*'],
    ['a%22%5C%3C%3E%7C%5E' => 'a"\\<>|^'],
    ['songs'               => 'songs'],
    ['song/song/'          => 'song/song/'],
    ['~u'                  => '~u'],
    ['%7Eu2'               => '~u2'],
    ['%C3%A4'              => "\xC3\xA4"],
    ["\xC3\xB6"            => "\xC3\xB6"],
    ['%E2%82%AC'           => "\xE2\x82\xAC"],
    ['%F0%9F%98%80'        => "\xF0\x9F\x98\x80"],
    ['%F4%8F%BF%BF'        => "\xF4\x8F\xBF\xBF"],
    ['%EF%BF%BF'           => "\xEF\xBF\xBF"],
    ['%C2%A0'              => "\xC2\xA0"],
    ['x' x 255             => 'x' x 255],
    ['%79' x 255           => 'y' x 255],
    ["\xC3\xA4" x 127 . 'x' => "\xC3\xA4" x 127 . 'x'],
);
my @bad = (
    [''                 => 'is empty; it needs at least one byte'],
    ['x' x 256          => 'is longer than 255 bytes'],
    ['x' x 4000         => 'is longer than 255 bytes'],
    ['%79' x 256        => 'is longer than 255 bytes'],
    ["\xC3\xA4" x 128   => 'is longer than 255 bytes'],
    (map { [sprintf('a%%%02X', $_) => 'contains a control character'] } 1 .. 31, 127),
    ['%C2%80'           => 'contains a control character'],
    ['%C2%9F'           => 'contains a control character'],
    (map { [$_ => 'is not valid UTF-8'] }
        '%FF', '%80', '%C3', '%C0%80', '%C1%BF', '%E0%80%80', '%E0%9F%BF', '%ED%A0%80',
        '%ED%BF%BF', '%F0%80%80%80', '%F0%8F%BF%BF', '%F4%90%80%80', '%F5%80%80%80',
        '%F8%88%80%80%80', '%E2%82', '%E2%82a', 'a%C3', '%C3%28', "\xFF", "%F0%9F%98"),
);

my (@expected, %seen);
for (@good) {
    my ($path, $id) = @$_;
    my $count = ++$seen{$id};
    (my $name = $path) =~ s/([^ -~])/sprintf '\\x%02X', ord $1/ge;
    $counter->answers('POST', "/song/$path", 200, $count, "POST /song/$name");
    $counter->answers('GET', "/song/$path?x=1", 200, $count, 'GET');
    $counter->answers('GET', '/song/' . escape($id), 200, $count, 'all of it escaped');
    push @expected, $id if $count == 1;
}

# The listing tells them apart, and can be posted back.
sub listed
{
    my ($id) = @_;
    $id =~ s/([,=%])/sprintf '%%%02X', ord $1/ge;
    return $id;
}
my $listing = $counter->get('/');
is $listing, join(',', map { listed($_) . "=$seen{$_}" } @expected),
    'the listing, with commas, equals and percent signs escaped';
$counter->answers('POST', '/songs', 200, join(',', map { listed($_) . '=' . 2 * $seen{$_} } @expected),
    'the listing can be posted back', content => $listing);

for (@bad) {
    my ($path, $wrong) = @$_;
    (my $name = substr $path, 0, 30) =~ s/([^ -~])/sprintf '\\x%02X', ord $1/ge;
    for my $method (qw(GET POST)) {
        $counter->answers($method, "/song/$path", 400, "The id $wrong.", "$method /song/$name");
    }
}
# What is no escape at all.
for my $path ('%', 'a%', 'a%4', '%zz', '%4x', 'a%%41', '%00', 'a%00b', '%u1234') {
    $counter->answers('GET', "/song/$path", 400,
        qr/ has a % that is not followed by two hexadecimal digits other than 00\.$/, "GET /song/$path");
    $counter->answers('POST', "/song/$path", 400,
        qr/ has a % that is not followed by two hexadecimal digits other than 00\.$/, "POST /song/$path");
}
is scalar(() = $counter->get('/') =~ /,/g), $#expected, 'nothing of it was registered';

# Any bytes at all: an id that is valid UTF-8 without control characters comes
# back as it was, others are refused.
srand 42;
$counter->request('DELETE', '/');
my (%count, $wrong);
for my $round (1 .. 600) {
    my $id = '';
    my $length = 1 + int rand 12;
    while (length $id < $length) {
        my $kind = rand;
        $id .= $kind < .4 ? chr(32 + int rand 95) : $kind < .5 ? chr int rand 256
            : do {
                my $c = chr(0xA0 + int rand($kind < .7 ? 0x700 : $kind < .9 ? 0xD000 : 0x10F000));
                utf8::encode($c);
                $c;
            };
    }
    my $text = $id;
    my $valid = utf8::decode($text) && $text !~ /[\x00-\x1F\x7F-\x9F\x{D800}-\x{DFFF}]/
        && !grep({ ord > 0x10FFFF } split //, $text);
    my $path = '/song/' . ($round % 2 ? escape($id) : $id =~ s/([^A-Za-z0-9.~_\-\x80-\xFF])/sprintf '%%%02x', ord $1/ger);
    my $answer = $counter->request('POST', $path);
    if ($valid) {
        $count{$id}++;
        next if "$answer->{status} $answer->{content}" eq "200 $count{$id}";
    }
    else {
        next if $answer->{status} == 400;
    }
    $wrong .= "POST $path: $answer->{status} $answer->{content}\n";
}
is $wrong, undef, 'random ids';
ok keys %count > 100, 'many of them valid';
my %listed;
for (split /,/, $counter->get('/')) {
    my ($id, $n) = /^([^=]*)=(\d+)$/ or next;
    $id =~ s/%(..)/chr hex $1/ge;
    $listed{$id} = $n;
}
is_deeply \%listed, \%count, 'all of them are in the listing, and can be read back';

done_testing;
