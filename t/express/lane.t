# --lane: the lane answers the counter's simplest requests, alone and beside files; where it
# must not it stays out.
use strict;
use warnings;
use HTTP::Tiny;
use Test::More;
use Playcount::Express;
use Playcount::Server;

my $temp = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
chmod 0755, "$temp";
Playcount::Server::spew("$temp/a.txt", 'a');

for my $case (['alone', 1, ''], ['beside files', 1, '/plays', '--document-root', "$temp"],
    ['with an access log', 0, '', '--access-log']) {
    my ($how, $is_used, $root, @options) = @$case;
    my $express = Playcount::Express->new;
    my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
        '--processes', 1, '--lane', @options);
    is $status, 0, "$how: it starts" or diag $output;
    my $http = HTTP::Tiny->new(keep_alive => 1);
    is $http->post($express->url("$root/song/$_"))->{content}, '1', "$how: song $_" for 1 .. 9;
    my ($lane) = $express->get('/server-status?auto')->{content} =~ /^PlaycountLaneRequests: (\d+)$/m;
    cmp_ok $lane // 0, $is_used ? '>' : '==', 0, $is_used ? 'by the lane' : 'without the lane';
    is $express->get("$root/song/9")->{content}, '1', 'counted';
}

done_testing;
