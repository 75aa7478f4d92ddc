# A real client that guesses at charsets and encodes forms: Python's requests. What it reads
# and posts back counts for the same songs.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $python = '/usr/bin/python3';
plan skip_all => 'python3-requests is not installed' if system "$python -c 'import requests' 2> /dev/null";

my $server = Playcount::Server->new(songs => 100, config => <<'EOF');
PlaycountIdempotency 100
EOF
Playcount::Server::spew($server->root . '/client.py', <<'EOF');
import json, sys, zlib, requests
url = sys.argv[1]
def say(name, value): print(name + ': ' + json.dumps(value))

say('one', requests.post(url + '/song/café').text)
say('text', requests.post(url + '/songs', data='café=1,日本=2'.encode()).text)
listing = requests.get(url + '/songs')
say('charset', listing.encoding)
say('back', requests.post(url + '/songs', data=listing.text.encode()).text)
say('again', requests.post(url + '/songs', data=requests.get(url + '/').text.encode(), headers={'Content-Type': 'text/plain'}).text)
say('form', requests.post(url + '/songs', data={'a b': 1, 'ü': 2}).text)
say('space', requests.get(url + '/song/a b').text)
say('plus', requests.get(url + '/song/a+b').text)
say('json', requests.post(url + '/songs', json={'a b': 1, '日本': 3}).json())
say('batch', requests.post(url + '/handoff').encoding)
zipped = requests.post(url + '/songs', data=zlib.compress(b'1=1'), headers={'Content-Encoding': 'deflate'})
say('zipped', zipped.status_code)
key = {'Idempotency-Key': '"once"'}
say('twice', [requests.post(url + '/song/once', headers=key).text for _ in range(2)])
say('deleted', [requests.delete(url + '/song/1').status_code, requests.delete(url + '/').status_code])
EOF
my $url = $server->url('');
my %said = `$python @{[$server->root]}/client.py '$url' 2>&1` =~ /^(\w+): (.*)$/mg;

is $said{one}, '"1"', 'an id in a path';
is $said{text}, '"caf\u00e9=2,\u65e5\u672c=2"', 'a batch as text';
is lc $said{charset}, '"utf-8"', 'it is told the charset';
is $said{back}, '"caf\u00e9=4,\u65e5\u672c=4"', 'the listing posted back counts for the same songs';
is $said{again}, '"caf\u00e9=8,\u65e5\u672c=8"', 'as text too';
is $said{form}, '"a b=1,\u00fc=2"', 'a form';
is $said{space}, '"1"', 'counts for what was meant';
is $said{plus}, '"0"', 'and not for a+b';
is $said{json}, '{"a b": 2, "\u65e5\u672c": 11}', 'JSON';
is lc $said{batch}, '"utf-8"', 'a batch that is handed over has its charset';
is $said{zipped}, '415', 'a compressed body is refused';
is $said{twice}, '["1", "1"]', 'a key counts once';
is $said{deleted}, '[404, 200]', 'what is not there, and all';
done_testing;
