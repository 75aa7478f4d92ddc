# With Accept: application/json, answers are JSON, refusals RFC 9457 problems.
use strict;
use warnings;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Api;

my $counter = counter('json');
my @accept = (headers => ['Accept: application/json']);
my @json = (type => 'application/json', @accept);
my @problem = (type => 'application/problem+json', @accept);

$counter->answers('GET', '/', 200, '{}', 'no songs', @json);
$counter->answers('GET', '/songs', 200, '[]', 'no songs of /songs', @json);
$counter->answers('POST', '/song/1', 200, '{"song":"1","count":1,"href":"/json/song/1"}',
    'a play', @json);
$counter->answers('POST', '/song/1?by=2', 200, '{"song":"1","count":3,"href":"/json/song/1"}',
    'several', @json);
$counter->answers('GET', '/song/1', 200, '{"song":"1","count":3,"href":"/json/song/1"}',
    'a count', @json);
$counter->answers('GET', '/song/none', 200, '{"song":"none","count":0,"href":"/json/song/none"}',
    'a song that was never played', @json);
$counter->post('/song/5');
$counter->answers('GET', '/', 200, '{"1":3,"5":1}', 'the listing is a mapping', @json);
$counter->answers('GET', '/songs', 200,
    '[{"song":"1","count":3,"href":"/json/song/1"},{"song":"5","count":1,"href":"/json/song/5"}]',
    '/songs is an array', @json);
$counter->answers('GET', '/songs?top=1', 200, '[{"song":"1","count":3,"href":"/json/song/1"}]',
    'so is a selection', @json);
$counter->answers('GET', '/songs?prefix=x', 200, '[]', 'of nothing too', @json);
$counter->answers('HEAD', '/song/1', 200, '', 'HEAD', @json);

# Ids as JSON, and links that lead back.
my @ids = ('a"b\\c/d', 'a b', "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 'a?b#c', '100%', '<&\'>',
    'a/../b', '..', '.', './x', 'a//b', '/', 'a/', 'x' x 255, '%2F', ';=,', "\xE2\x80\xA8");
$counter->request('DELETE', '/');
for my $id (@ids) {
    my $answer = $counter->request('POST', '/song/' . escape($id), @accept);
    my $song = Cpanel::JSON::XS::decode_json($answer->{content});
    my $text = $id;
    utf8::decode($text);
    is $song->{song}, $text, "$id: the id";
    is $song->{count}, 1, 'the count';
    like $song->{href}, qr{^/json/song/[!-~]+$}, 'the link has no odd characters';
    unlike $song->{href}, qr{/\.{1,2}(?:/|$)}, 'and no dots that a client takes out';
    is $counter->client->request('GET', $song->{href})->{content}, '1', 'it leads back';
}
my $listing = Cpanel::JSON::XS->new->utf8->decode($counter->get('/', @accept));
is_deeply [sort keys %$listing], [sort map { my $t = $_; utf8::decode($t); $t } @ids],
    'the listing is valid JSON with all of them';
my $songs = Cpanel::JSON::XS->new->utf8->decode($counter->get('/songs', @accept));
is scalar @$songs, scalar @ids, '/songs too';

# Refusals.
$counter->answers(@$_[0 .. 1], $_->[2], qr/^\{"type":"about:blank","title":"$_->[3]",
    "status":$_->[2],"detail":"$_->[4]"\}$/x, "@$_[0 .. 1]: a problem", @problem)
    for ['GET',    '/song/',        400, 'Bad\ Request', 'The\ id\ is\ empty;[^"]*'],
    ['POST',   '/song/1?by=0',  400, 'Bad\ Request', 'by\ is\ not\ [^"]*'],
    ['GET',    '/song/%zz',     400, 'Bad\ Request', 'The\ path\ has\ [^"]*'],
    ['GET',    '/songs?top=0',  400, 'Bad\ Request', 'top\ is\ not\ [^"]*'],
    ['GET',    '/nothing',      404, 'Not\ Found', 'Not\ Found'],
    ['PUT',    '/song/1',       405, 'Method\ Not\ Allowed', 'Method\ Not\ Allowed'],
    ['PATCH',  '/song/1',       405, 'Method\ Not\ Allowed', 'Method\ Not\ Allowed'];
$counter->answers('DELETE', '/', 200, 'OK', 'DELETE answers OK', @accept);

# What Accept means.
$counter->post('/song/1');
my $object = '{"song":"1","count":1,"href":"/json/song/1"}';
$counter->answers('GET', '/song/1', 200, $object, "Accept: $_", type => 'application/json',
    headers => ["Accept: $_"])
    for 'application/json', 'Application/JSON', 'application/json;q=0.1',
    'application/json, text/plain', 'text/plain, application/json', 'text/html, application/json',
    'application/json, text/plain, */*', 'text/plain;q=0.5,application/json;q=0.9',
    'application/json;charset=utf-8', 'application/json ; q=1', '*/*;q=0.5, application/json',
    'application/json;q=0.5, text/plain;q=0', 'application/json;q=0.2, text/html',
    'text/plain;q=0, application/json;q=0.001', 'text/plain;q=1e300, application/json;q=0.1',
    'text/plain;x=",application/json;q=0";q=0.1, application/json;q=.5', 'application/json;x="';
$counter->answers('GET', '/song/1', 200, '1', "Accept: $_", headers => ["Accept: $_"])
    for '*/*', 'text/plain', 'text/html', '', 'application/jsonp', 'application/json;q=0',
    'application/json; q=0.0', 'text/plain, application/json;q=0.5', 'application/jso',
    'text/plain;q=0.5,application/json;q=0.4', 'application/problem+json', 'x-application/json',
    'application/json;q=0.5, */*;q=0.8', 'application/json;q=0.5, text/*', ',', ';q=1', '/',
    'text/html;x=application/json', (map { "application/json;q=$_" } '1e300', '-1', '1.5', '2', 'nan',
    'x', '', '0x1'), 'application/json;q=99999999999999999999';
$counter->answers('GET', '/song/1', 200, $object, 'in two headers', type => 'application/json',
    headers => ['Accept: text/html', 'Accept: application/json']);

done_testing;
