# A zone's file that is deleted or replaced under a running server is noticed within
# seconds, and logged.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(zone_file => 1);
my $file = $server->zone_file;
is $server->post('/song/1')->{content}, '1', 'a play is counted';
unlike $server->error_log, qr/has been (?:deleted|replaced)/, 'nothing is said';

rename $file, "$file.away" or die "$file: $!";
ok $server->wait_for_log(qr/PlaycountZone default: file=\Q$file\E has been deleted/),
    'a file that is gone is noticed';
is $server->post('/song/1')->{content}, '2', 'counting goes on';

$server->stop;
rename "$file.away", $file or die "$file: $!";
$server->start;
rename $file, "$file.away" or die "$file: $!";
Playcount::Server::spew($file, 'another one');
ok $server->wait_for_log(qr/file=\Q$file\E has been replaced by another file/),
    'so is another one in its place';
is Playcount::Server::slurp($file), 'another one', 'which is left alone';
done_testing;
