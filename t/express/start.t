# playcount-express start-server serves, under each MPM, and keeps the counts
# over a stop and a start; stop, status and graceful say what they find.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

for my $mpm (qw(event worker prefork)) {
    my $express = Playcount::Express->new;

    my ($status, $output) = $express->run('status');
    is $status, 3, "$mpm: status of nothing";
    like $output, qr/no server is running/, "$mpm: in a sentence";

    ($status, $output) = $express->run('start-server', '--background',
        '--mpm', $mpm, '--processes', 2, '--songs', '1k');
    is $status, 0, "$mpm: it starts" or diag $output;
    like $output, qr/^Serving \Q${\ $express->url}\E /, "$mpm: and says where";
    is $express->post('/song/1?by=41')->{content}, '41', "$mpm: it counts";

    ($status, $output) = $express->run('status');
    is $status, 0, "$mpm: status of a server";
    like $output, qr/^Serving \Q${\ $express->url}\E /, "$mpm: says where";

    like $express->get('/metrics')->{content}, qr/^# HELP /m, "$mpm: has metrics";
    like $express->get('/server-status')->{content}, qr/Server Status/,
        "$mpm: and a status page";

    ($status) = $express->run('graceful');
    is $status, 0, "$mpm: graceful";
    is $express->post('/song/1')->{content}, '42', "$mpm: keeps the counts";

    ($status, $output) = $express->run('stop');
    is $status, 0, "$mpm: stop";
    ($status) = $express->run('stop');
    isnt $status, 0, "$mpm: there is nothing to stop twice";

    ($status) = $express->run('start-server', '--background', '--mpm', $mpm,
        '--processes', 2, '--songs', '1k');
    is $status, 0, "$mpm: it starts again";
    is $express->get('/')->{content}, '1=42', "$mpm: with its counts";
}

done_testing;
