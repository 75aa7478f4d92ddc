# httpd.conf.sample works as it is, and lets this machine alone clear.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

(my $top = $INC{'Playcount/Server.pm'}) =~ s{t/lib/Playcount/Server\.pm$}{};
my $server = Playcount::Server->new(
    start    => 0,
    location => undef,
    # mod_remoteip gives a request the address that the test wants it to have.
    modules => ['remoteip'],
    config  => "RemoteIPHeader X-From\nRemoteIPInternalProxy 127.0.0.1\n"
        . "Include conf/sample.conf\n",
);
my $sample = Playcount::Server::slurp("${top}httpd.conf.sample");
my $root = $server->root;
ok $sample =~ s{modules/mod_playcount\.so}{$server->{module}}, 'it loads the module';
ok $sample =~ s{file=/var/lib/playcount/}{file=$root/run/}, 'it keeps counts in a file';
Playcount::Server::spew("$root/conf/sample.conf", $sample);
$server->start;

my @far = (headers => { 'X-From' => '192.0.2.7' });
is $server->post('/plays/song/1', @far)->{content}, '1', 'anybody may count';
is $server->get('/plays/song/1', @far)->{content}, '1', 'and ask';
is $server->post('/plays/handoff', @far)->{status}, 403, 'nor take plays out';
is $server->delete('/plays', @far)->{status}, 403, 'not clear';
is $server->get('/plays', @far)->{content}, '1=1', 'so nothing is cleared';
is $server->delete('/plays')->{content}, 'OK', 'this machine may';
is $server->get('/plays')->{content}, '', 'and it is cleared';
is $server->get('/metrics')->{status}, 200, 'this machine may see the metrics';
is $server->get('/metrics', @far)->{status}, 403, 'others may not';
Playcount::Server::spew("$root/htdocs/page", 'a page');
is $server->get('/page')->{content}, 'a page', 'the rest of the server is as it was';

done_testing;
