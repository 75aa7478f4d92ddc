# A path with a broken escape is refused before httpd has looked for a handler; the
# answer is measured like any other.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(location => '/');
my $answer;
my $entry = Playcount::Metrics::log_entry($server, sub {
    my $socket = $server->socket;
    print $socket "POST /song/%2 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    $socket->flush;
    local $/;
    $answer = <$socket>;
});
my ($body) = $answer =~ /\r\n\r\n(.*)/s;
like $body, qr/^The path has a % that is not followed/, 'the refusal';
is $entry->{status}, 400, 'its status';
is $entry->{blocks}, 1, 'its block';
is $entry->{length}, length $body, 'its bytes';
is $entry->{note}, length $body, 'in the notes too';
is $entry->{route}, 'playcount', 'its route';

done_testing;
