# What a body holds does not decide how much memory it takes: every body of nearly
# 16 MiB costs a small multiple of itself, and is refused or counted.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Server;

my $server = Playcount::Server->new(songs => '200k', mpm => 'event', processes => 1);
my $client = Playcount::Client->new($server->port);
my $size = 15 * 1024 * 1024;
my $most = 4 * $size / 1024;

# The most memory that the one child ever had, in kB.
sub peak
{
    my ($child) = $server->children;
    Playcount::Server::slurp("/proc/$child/status") =~ /^VmHWM:\s+(\d+) kB/m or die;
    return $1;
}

sub costs
{
    my ($name, $type, $status, $part, $head, $tail) = @_;
    my $body = ($head // '') . $part x ($size / length $part) . ($tail // '');

    my $before = peak();
    my $answer = $client->request('POST', '/songs', content => $body,
        headers => ["Content-Type: $type"]);
    is $answer->{status}, $status, "$name: $answer->{content}";
    my $cost = peak() - $before;
    cmp_ok $cost, '<', $most, "costs little: $cost kB";
}

my $json = 'application/json';
costs('arrays in arrays', $json, 400, '[');
costs('arrays in an array', $json, 400, '[],', '[');
costs('arrays in a value', $json, 400, '[],', '{"a":[');
costs('objects in objects', $json, 400, '{"a":');
costs('objects after an entry', $json, 400, '{},', '{"a":1,"b":[');
costs('numbers', $json, 400, '1,', '{"a":[');
costs('a long name', $json, 400, 'x', '{"');
costs('a long name of escapes', $json, 400, '\u00e4', '{"');
costs('a name of commas', $json, 400, ',', '{"');
costs('a long number', $json, 400, '1', '{"a":');
costs('a number of zeros', $json, 400, '0', '{"a":1');
costs('a long string', $json, 400, 'x', '{"a":"');
costs('the same name', $json, 400, '"a":1,', '{');
costs('white space', $json, 200, ' ', '{', '}');
costs('commas', $json, 400, ',', '{"a":1');
costs('text: commas', 'text/plain', 413, ',');
costs('text: lines', 'text/plain', 413, "\n");
costs('text: a long id', 'text/plain', 400, 'x');
costs('text: blanks', 'text/plain', 400, ' ');
costs('text: escapes', 'text/plain', 400, '%41');

my $names = 0;
my $many = '{' . join(',', map { '"' . $names++ . 'x' x 225 . '":1' } 1 .. 65_536) . '}';
cmp_ok length $many, '>', 14 << 20, 'as many names as are allowed, and long ones';
my $before = peak();
is $client->request('POST', '/songs', content => $many, headers => ["Content-Type: $json"])
    ->{status}, 200, 'count';
cmp_ok peak() - $before, '<', $most + 200_000 * 256 / 1024, 'and cost what they are';

# Many at once.
my @clients = map { Playcount::Client->new($server->port) } 1 .. 6;
$before = peak();
my $body = '{"a":[' . '[],' x ($size / 3);
$_->send("POST /songs HTTP/1.1\r\nHost: x\r\nContent-Type: $json\r\nContent-Length: "
    . length($body) . "\r\n\r\n" . substr $body, 0, -10) for @clients;
$_->send(substr $body, -10) for @clients;
is $_->answer('POST')->{status}, 400, 'one of six at once' for @clients;
cmp_ok peak() - $before, '<', 6 * $most, 'cost six times as much';

done_testing;
