# Access to songs is httpd's business, by <Location> and <Limit>; no way of
# writing a path leads around it.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('access', keep => 1);
my @spellings = ('secret', '%73ecret', '%73%65%63%72%65%74', '%73ecre%74',
    './secret', '%2e/secret', 'x/../secret', 'x/%2e%2e/secret', 'x/.%2e/secret',
    '../song/secret', '%2e%2e/song/secret', '../../access/song/secret',
    'secret/', 'secret/.', 'secret/x', 'secret%2Fx', 'secret/../x', 'secret/%2e%2e/x',
    'secret%2F..%2Fx', 'secret%2F%2E%2E%2Fx', 'secret/../../song/x', 'secret//x', 'secret/./x',
    'secret/../../../access/song/x', '/secret', '%2Fsecret', 'secret#x', 'secret?x',
    'secret;x', 'SECRET', 'secret%20', 'secret%00', 'secret%', '%5csecret');

# Whatever is counted, and under whatever name: it is not secret, nor below it.
my @roots = ('/access', '//access', '/access/', '/./access', '/x/../access', '/%61ccess',
    'http://127.0.0.1/access', 'http://x@127.0.0.1//access', '/access/song/..',
    '/access/song/secret/../..');
my $client = $counter->client;
for my $root (@roots) {
    for my $spelling (@spellings) {
        for my $method (qw(GET POST)) {
            my $answer = $client->request($method, "$root/song/$spelling", again => 1);
            $answer->{status} =~ /^(?:200|400|403|404)$/
                or fail "$method $root/song/$spelling: $answer->{status}";
        }
    }
}
my @ids = map { s/=\d+$//r } split /,/, $counter->get('/');
ok @ids > 5, 'many spellings are songs of their own';
is_deeply [grep { m{^secret(?:/|%|$)} } @ids], [], 'none is the secret song, or one below it';
note "counted: $_" for @ids;

for my $spelling ('secret', '%73ecret', 'secret/x', 'secret%2Fx') {
    is $counter->request($_, "/song/$spelling")->{status}, 403, "$_ /song/$spelling"
        for qw(GET POST);
}
is $counter->request('POST', "/song/$_")->{status}, 403, "POST /song/$_ (LocationMatch)"
    for 'hidden-1', 'hidden%2D1', '%68idden-2';
is $counter->request('POST', '/song/hidden-x')->{status}, 200, 'POST /song/hidden-x';

# Methods.
is $counter->request('DELETE', $_)->{status}, 403, "DELETE '$_' is denied by <LimitExcept>"
    for '/', '', '//', '/.', '/song/..', '/x/..', '/%2e', '?x';
is scalar(() = $counter->get('/') =~ /=/g), @ids + 1, 'nothing was cleared';

# The other way round: all is closed but what is below one path.
my $closed = counter('closed', keep => 1);
for my $path ('open/a', 'open/b%2Fc', 'open/../closed', 'closed/../open/d', 'closed/../open/../e',
    'open/%2e%2e/f', 'open%2F..%2Fg', '../song/open/h', 'open/..', 'open/../../song/i',
    'closed%2F..%2Fopen/j', 'x/../open/k') {
    my $answer = $closed->request('POST', "/song/$path");
    $answer->{status} =~ /^(?:200|403|404)$/ or fail "POST /song/$path: $answer->{status}";
}
is $closed->request('GET', '/')->{status}, 403, 'the listing is closed';
is $closed->request('GET', '/song/open/a')->{content}, '1', 'what is open counts';
is $closed->request('GET', "/song/$_")->{status}, 403, "$_ is closed" for 'closed', 'x', 'open';

done_testing;
