# Batches over HTTP: taken, asked for again, acknowledged.
use strict;
use warnings;
use Cpanel::JSON::XS;
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $server = Playcount::Server->new(zone_file => 1, songs => '300k');

sub number { $_[0]{headers}{'playcount-batch'} }
sub play
{
    my ($body) = @_;
    return $server->post('/songs', content => $body,
        headers => { 'Content-Type' => 'text/plain' });
}
sub is_batch
{
    my ($answer, $status, $body, $name) = @_;
    is $answer->{status} . ' ' . ($answer->{content} // ''), "$status $body", $name;
}

is_batch($server->post('/handoff'), 204, '', 'no plays: no batch is opened');
is_batch($server->get('/handoff'), 404, 'Not Found', 'and none is open');

play('1=3,5=2');
my $first = $server->post('/handoff');
is_batch($first, 200, '1=3,5=2', 'a batch has the plays of each song');
like number($first), qr/^\d{13}$/, 'and a number';
is $first->{headers}{'playcount-previous'}, 0, 'and that of the batch before it, if any';
is $first->{headers}{'content-type'}, 'text/plain; charset=utf-8', 'as text';
is $first->{headers}{'cache-control'}, 'no-store', 'not to be kept';

play('1=10,7=1');
is $server->get('/song/1')->{content}, 13, 'counting goes on meanwhile, in the total';
for my $again ($server->post('/handoff'), $server->get('/handoff')) {
    is_batch($again, 200, '1=3,5=2', 'asked again, the batch is the same');
    is number($again), number($first), 'and so is its number';
}
my $json = $server->post('/handoff', headers => { Accept => 'application/json' });
is_deeply decode_json($json->{content}), { 1 => 3, 5 => 2 }, 'also as JSON';
is $json->{headers}{'content-type'}, 'application/json', 'with its type';

$server->graceful;
is_batch($server->post('/handoff'), 200, '1=3,5=2', 'the same after a graceful restart');
$server->kill9_all;
$server->start;
my $after = $server->post('/handoff');
is_batch($after, 200, '1=3,5=2', 'and after a crash');
is number($after), number($first), 'under the same number';

my $n = number($first);
is_batch($server->delete('/handoff/' . ($n + 1)), 409,
    'This is the number neither of the open batch nor of the one acknowledged last.',
    'another number is refused');
is_batch($server->get('/handoff'), 200, '1=3,5=2', 'and changes nothing');
is_batch($server->delete("/handoff/$n"), 200, 'OK', 'acknowledged');
is_batch($server->delete("/handoff/$n"), 200, 'OK', 'acknowledged again: the same');

my $second = $server->post('/handoff');
is_batch($second, 200, '1=10,7=1', 'the next batch has what came since');
is $second->{headers}{'playcount-previous'}, $n, 'and names the one before';
is $second->{headers}{'playcount-at-open'}, 1,
    'what the file held when it was opened is a batch apart';

is $server->delete('/')->{content}, 'OK', 'the songs are cleared';
play('9=1');
is_batch($server->get('/handoff'), 200, '1=10,7=1', 'the open batch stays whole');
is $server->delete('/handoff/' . number($second))->{status}, 200, 'and is acknowledged';
my $third = $server->post('/handoff');
is_batch($third, 200, '9=1', 'the next one has the plays since the clearing');
is $third->{headers}{'playcount-at-open'}, 0, 'all of this run';
is $server->delete('/handoff/' . number($third))->{status}, 200, 'acknowledged';
is_batch($server->post('/handoff'), 204, '', 'and there is nothing more');

for (['PUT', '/handoff'], ['DELETE', '/handoff'], ['POST', "/handoff/$n"],
    ['GET', "/handoff/$n"]) {
    my $answer = $server->request(@$_);
    is_batch($answer, 405, 'Method Not Allowed', "@$_ is no operation");
    my ($allow) = $_->[1] eq '/handoff' ? 'GET, HEAD, POST, OPTIONS' : 'DELETE, OPTIONS';
    is $answer->{headers}{allow}, $allow, "$_->[1] allows $allow";
}
is $server->request('OPTIONS', '/handoff')->{headers}{allow},
    'GET, HEAD, POST, OPTIONS', 'OPTIONS says so too';
for my $path ('/handoff/', '/handoff/one', '/handoff/0', '/handoff/1/2', '/handoffs') {
    is_batch($server->delete($path), 404, 'Not Found', "$path is nothing");
}

# A large one, streamed; ids that need escaping can be read back.
my %many = map { ("song number $_, \xc3\xbc=%" => $_) } 1 .. 150_000;
my @ids = sort keys %many;
while (my @some = splice @ids, 0, 50_000) {
    my $body = encode_json({ map { ($_ => $many{$_}) } map { my $id = $_;
        utf8::decode($id); $many{$id} = $many{$_}; $id } @some });
    my $answer = $server->post('/songs', content => $body,
        headers => { 'Content-Type' => 'application/json' });
    is $answer->{status}, 200, 'fifty thousand songs played' or diag $answer->{content};
}
my $large = $server->post('/handoff');
my %got = map { /^(.*)=(\d+)$/; my ($id, $plays) = ($1, $2);
    $id =~ s/%(..)/chr hex $1/ge; ($id => $plays) } split /,/, $large->{content};
is scalar(keys %got), 150_000, 'a batch of 150,000 songs is whole';
is scalar(grep { ($many{$_} // 0) != $got{$_} } keys %got), 0, 'with their plays';
ok $server->post('/handoff')->{content} eq $large->{content},
    'and comes again byte for byte';
done_testing;
