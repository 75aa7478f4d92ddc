# playcount-metrics is read only, and says so.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server();
my $allow = 'GET, HEAD, OPTIONS';

my $answer = $server->request('OPTIONS', '/metrics');
is $answer->{status}, 200, 'OPTIONS';
is $answer->{headers}{allow}, $allow, 'says what is allowed';
is $server->request('HEAD', '/metrics')->{status}, 200, 'HEAD is';
for my $method (qw(POST PUT DELETE)) {
    $answer = $server->request($method, '/metrics', content => 'x');
    is $answer->{status}, 405, "$method is not";
    is $answer->{headers}{allow}, $allow, 'which names what is';
    is $answer->{content}, 'Method Not Allowed', 'in the words of the counter';
}

done_testing;
