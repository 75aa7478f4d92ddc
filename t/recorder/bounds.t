# What is recorded is bounded: bytes of each body, the number of records; and selected:
# by when=, by virtual host.
use strict;
use warnings;
use Test::More;
use Playcount::Recorder;

my $port = Playcount::Server::free_port();
my $server = Playcount::Server->new(
    processes => 2,
    config    => <<"EOF");
PlaycountRecorder records keep=5 max-body=10 "when=%{REQUEST_STATUS} -ge 400 && %{REQUEST_URI} !~ m#^/silent#" secrets=keep
Listen 127.0.0.1:$port
<VirtualHost 127.0.0.1:$port>
    ServerName off
    PlaycountRecorder Off
</VirtualHost>
<VirtualHost 127.0.0.1:$port>
    ServerName own
    PlaycountRecorder own max-body=0
</VirtualHost>
<VirtualHost 127.0.0.1:$port>
    ServerName inherits
</VirtualHost>
EOF
my $dir = Playcount::Recorder::dir($server);

is $server->get('/song/1')->{status}, 200, 'a request without fault';
is $server->get('/silent')->{status}, 404, 'and one that is not wanted';
is $server->post('/songs', content => 'x' x 25, headers => {
    'Content-Type' => 'text/plain', Authorization => 'Basic shown' })->{status}, 400, 'a fault';
my ($record, @others) = Playcount::Recorder::wait_for($server, 1);
is $record->{meta}{status}, 400, 'is recorded';
is scalar(@others), 0, 'and no other';
is $record->{'request-body'}, 'x' x 10, 'no more of a body than is wanted';
is $record->{meta}{'request-body'}, '10 of 25 bytes', 'which is said';
is $record->{meta}{truncated}, 'yes', 'as well';
is length $record->{'response-body'}, 10, 'on both sides';
like $record->{'request-headers'}, qr/^Authorization: Basic shown\r$/m, 'secrets that are wanted';
is $record->{meta}{secrets}, 'kept', 'are there';

for my $i (1 .. 30) {
    $server->hang_up; # another child, perhaps
    $server->get("/wrong/$i");
}
# Another child may write a later one first.
my ($left, $last) = ('', join ' ', map { "/wrong/$_" } 26 .. 30);
Playcount::Server::wait_until('the last', sub {
    $left = join ' ', map { $_->{meta}{uri} // '' } Playcount::Recorder::records($server);
    return $left eq $last;
});
is $left, $last, 'the last are kept, the oldest removed';

# Virtual hosts.
my $ask = sub {
    my ($host, $path) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
    print {$socket} "GET $path HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n";
    return (split / /, <$socket>)[1];
};
is $ask->('off', '/wrong/off'), 404, 'a virtual host that has it off';
is $ask->('own', '/song/1'), 200, 'one with its own';
is $ask->('inherits', '/wrong/inherited'), 404, 'one that says nothing';
Playcount::Server::wait_until('both', sub {
    Playcount::Recorder::names($server->root . '/own')
        && grep { $_->{meta}{uri} eq '/wrong/inherited' } Playcount::Recorder::records($server);
});
ok !(grep { $_->{meta}{uri} eq '/wrong/off' } Playcount::Recorder::records($server)),
    'Off records nothing';
my ($own) = Playcount::Recorder::names($server->root . '/own');
$own = Playcount::Recorder::record($server->root . '/own', $own);
is $own->{'response-body'}, '', 'max-body=0 keeps no body';
is $own->{meta}{'response-body'}, '0 of 1 bytes', 'but says how long it was';

done_testing;
