# DELETE of one song forgets it, answers its last count and gives its place free.
use strict;
use warnings;
use Playcount::Process;
use Test::More;
use Playcount::Api;

my $counter = counter('forget');

$counter->post("/song/$_?by=$_") for 1 .. 3;
$counter->answers('POST', '/song/4', 507, qr/full/, 'the zone is full');
$counter->answers('DELETE', '/song/2', 200, '2', 'a song is forgotten, with its last count');
$counter->answers('GET', '/song/2', 200, '0', 'it has no plays');
$counter->answers('GET', '/', 200, '1=1,3=3', 'and is in no listing');
$counter->answers('GET', '/songs?top=3', 200, '3=3,1=1', 'of no kind');
$counter->answers('DELETE', '/song/2', 404, 'Not Found', 'again: it is not there');
$counter->answers('DELETE', '/song/never', 404, 'Not Found', 'nor is one that never was');
$counter->answers('POST', '/song/4', 200, '1', 'another one has its place');
$counter->answers('POST', '/song/5', 507, qr/full/, 'but only one');
$counter->answers('DELETE', '/song/3', 200,
    '{"song":"3","count":3,"href":"/forget/song/3"}', 'as JSON', type => 'application/json',
    headers => ['Accept: application/json']);
$counter->answers('POST', '/song/3', 200, '1', 'a play after that is its first');
$counter->answers('POST', '/songs', 200, '4=2,3=3', 'in batches too', content => '4=1,3=2');

for my $id ('a/../b', 'a//b', "\xC3\xA4", 'x' x 255, '.') {
    $counter->request('DELETE', '/');
    my $path = '/song/' . escape($id);
    $counter->post("$path?by=9223");
    $counter->answers('DELETE', $path, 200, '9223', "any id: $path");
    $counter->answers('GET', '/', 200, '', 'is gone');
}
$counter->answers('DELETE', "/song/$_", 400, qr/^The id /, "no id: $_")
    for '', '%FF', '%01', 'x' x 256;

# Each play is in one of the answers, whatever comes when.
$counter->request('DELETE', '/');
my @pids = map {
    pipe my $from, my $to or die "pipe: $!";
    my $pid = Playcount::Process::begin({}, sub {
        my $own = counter('forget', keep => 1);
        my $sum = 0;
        for my $n (1 .. 200) {
            my $answer = $own->request($_ ? 'POST' : 'DELETE', '/song/x');
            $sum += $_ ? 1 : $answer->{content} if $answer->{status} == 200;
        }
        print $to $sum;
        close $to;
    });
    close $to;
    [$_, $pid, $from];
} 0, 0, 1, 1;
my %sum = (0 => 0, 1 => 0);
for (@pids) {
    my ($plays, $pid, $from) = @$_;
    $sum{$plays} += do { local $/; readline $from };
    waitpid $pid, 0;
}
my $rest = $counter->get('/song/x');
is $sum{1}, 400, 'all plays were counted';
is $sum{0} + $rest, 400, "and are in an answer, or there still ($rest)";

done_testing;
