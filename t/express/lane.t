# The lane is on by default and answers the counter's simplest requests, alone and beside
# files and programs; where it must not it stays out; --no-lane turns it off. No answer is
# another for it.
use strict;
use warnings;
use HTTP::Tiny;
use IO::Socket::INET;
use Test::More;
use Playcount::Express;
use Playcount::Server;

$SIG{PIPE} = 'IGNORE'; # a connection that was closed is a missing answer
my $temp = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
chmod 0755, "$temp";
Playcount::Server::spew("$temp/a.txt", 'a');
mkdir "$temp/files" or die $!;
Playcount::Server::spew("$temp/app.wsgi", <<'EOF');
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'application']
EOF
my $has_wsgi = -e Playcount::Server::modules_dir() . '/mod_wsgi.so';

# What a client of one connection gets, first requests and later ones, and how many of them
# were the lane's.
sub answers
{
    my ($how, $root, @options) = @_;
    my $express = Playcount::Express->new;
    my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
        '--processes', 1, @options);
    is $status, 0, "$how: it starts" or diag $output;
    my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 60);
    my @got;
    for my $request ((map { ['POST', "$root/song/$_"], ['GET', "$root/song/$_"] } 1 .. 5),
        (map { ['POST', "$root/song/1?by=$_"] } 2, 3, 4), (map { ['HEAD', "$root/song/$_"] } 1 .. 3),
        ['GET', "$root/song/never"], ['GET', "$root/song/%41"], ['POST', "$root/song/1?by=x"],
        ['DELETE', "$root/song/5"], ['GET', "$root/song/5"], ['PUT', "$root/song/5"],
        ['GET', '/a.txt'], ['GET', $root || '/'], ['GET', '/nothing']) {
        my ($method, $path) = @$request;
        my $answer = $http->request($method, $express->url($path));
        delete $answer->{headers}{$_} for qw(date playcount-mapping);
        ($answer->{content} //= '') =~ s/$express->{port}/PORT/g;
        push @got, [$method, $path, @$answer{qw(status headers content)}];
    }
    my ($lane) = $express->get('/server-status?auto')->{content} =~ /^PlaycountLaneRequests: (\d+)$/m;
    my $log = Playcount::Server::slurp($express->root . '/logs/error_log');
    return (\@got, $lane // 0, $log);
}

for my $case (['alone', 1, ''],
    ['beside files', 1, '/plays', '--document-root', "$temp/files"],
    ['beside CGI programs', 1, '/plays', '--cgi', "/cgi=$temp/files"],
    ($has_wsgi ? ['beside an application', 0, '/plays', '--wsgi', "$temp/app.wsgi"] : ()),
    ['with an access log', 0, '', '--access-log'],
    ['with the recorder', 0, '', '--recorder'],
    ['under worker', 1, '', '--mpm', 'worker'],
    ['under prefork', 1, '', '--mpm', 'prefork']) {
    my ($how, $is_used, $root, @options) = @$case;
    my ($with, $lane, $log) = answers($how, $root, @options);
    my ($without, $none) = answers("$how, --no-lane", $root, '--no-lane', @options);
    cmp_ok $lane, $is_used ? '>' : '==', 0, $is_used ? 'by the lane' : 'without the lane';
    is $none, 0, '--no-lane turns it off';
    is_deeply $with, $without, 'and the answers are the same';
    like $log, $is_used ? qr/PlaycountLane: \S* is answered by the lane/ : qr/PlaycountLane.*(stays out|only|event)/,
        'the log says so';
}

# More connections than httpd would keep open by its own default stay open.
my $express = Playcount::Express->new;
Playcount::Server::spew("$temp/keep.conf", "KeepAliveTimeout 60\n");
my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
    '--include-file', "$temp/keep.conf");
is $status, 0, 'many connections' or diag $output;
my @sockets = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $express->port)
        or die "cannot connect: $!" } 1 .. 600;
sub answer_from
{
    my ($socket) = @_;
    my $answer = '';
    while ($answer !~ /\r\n\r\n(\d+)\z/) {
        return 'none' unless sysread $socket, $answer, 4096, length $answer;
    }
    return $answer =~ /(\d+)\z/ ? $1 : '';
}
my $request = "POST /song/many HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
# One after the other, as httpd closes some when all its threads are busy.
my @counts = map { print {$_} $request; answer_from($_) } @sockets;
is_deeply \@counts, [1 .. 600], 'each of 600 connections gets its answer';
print {$_} $request for @sockets;
@counts = sort { $a <=> $b } map { answer_from($_) } @sockets;
is_deeply \@counts, [601 .. 1200], 'and another one';

done_testing;
