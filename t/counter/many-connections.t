# With --many-connections, hundreds of connections stay open and many clients
# that send a byte at a time are waited for, while others are answered.
use strict;
use warnings;
use File::Temp ();
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Cpanel::JSON::XS;
use Test::More;
use Playcount::Express;

my $load = dirname(dirname(dirname abs_path(__FILE__))) . '/build/bench/load';
my ($open, $asking, $slow) = (600, 60, 60);

my $express = Playcount::Express->new;
my ($status, $output) = $express->run('start-server', '--background',
    '--many-connections', '--processes', 2, '--threads', 300);
is $status, 0, 'the server starts' or die($output);

my $request = File::Temp->new;
print $request 'POST /song/' . '@' x 16 . " HTTP/1.1\r\nHost: localhost\r\n",
    "Content-Length: 0\r\n\r\n";
$request->flush;
my ($said) = grep { /^\{/ } `$load --port @{[ $express->port ]} --request $request \\
    --connections $open --active $asking --slow $slow --slow-ms 20 --songs 50 --wait 60`;
my $result = decode_json($said);

is_deeply [grep { $result->{errors}{$_} } sort keys %{ $result->{errors} }], [],
    'no request fails';
is $result->{reconnects}, 0, 'no connection is closed';
is $result->{slow_good}, $slow, 'every slow client gets its answer';
cmp_ok $result->{answers}, '>', 0, 'and the others got theirs meanwhile';

my $plays = 0;
$plays += $_ for $express->get('/')->{content} =~ /=(\d+)/g;
is $plays, $result->{answers} + $result->{late} + $result->{slow_good},
    'every play that was answered is counted, once';

done_testing;
