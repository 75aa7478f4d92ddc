# ?by=N adds N plays, 1 to 1,000,000,000; anything else is refused and counts
# nothing.
use strict;
use warnings;
use Test::More;
use Playcount::Api;

my $counter = counter('song-by');
my $refusal = 'by is not a whole number from 1 to 1000000000.';

$counter->answers('POST', '/song/1?by=1', 200, '1', 'one');
$counter->answers('POST', '/song/1?by=41', 200, '42', 'forty-one more');
$counter->answers('POST', '/song/1?by=1000000000', 200, '1000000042', 'a milliard');
$counter->answers('POST', '/song/1?by=0001', 200, '1000000043', 'leading zeros');
$counter->answers('POST', '/song/1?by=%31%30', 200, '1000000053', 'percent-encoded digits');
$counter->answers('POST', '/song/1?a=b&by=7&c', 200, '1000000060', 'among other parameters');
$counter->answers('GET', '/song/1?by=none', 200, '1000000060', 'GET has no by');

$counter->answers('POST', "/song/1?by=$_", 400, $refusal, "by=$_ is refused")
    for '0', '', '-1', '+1', '1.0', '1e3', 'none', '0x10', '1000000001', '%201',
    '1%20', '18446744073709551617', '9' x 100, '%C2%B2';
$counter->answers('POST', '/song/1?by', 400, $refusal, 'by without a value is refused');
$counter->answers('POST', '/song/1?by=1&by=1', 400, qr/^The parameter by is there more than once\.$/,
    'by twice is refused');
$counter->answers('POST', '/song/1?by=%zz', 400, qr/^The parameter by has a % /,
    'a broken escape is refused');
$counter->answers('POST', '/song/1?by=%00', 400, qr/^The parameter by has a % /, 'a NUL too');
$counter->answers('GET', '/', 200, '1=1000000060', 'nothing of it counted');

$counter->answers('POST', '/song/new?by=0', 400, $refusal, 'a new song is refused likewise');
$counter->answers('GET', '/', 200, '1=1000000060', 'and not registered');

done_testing;
