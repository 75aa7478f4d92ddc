# Blocks and bytes of every kind of response are counted exactly, and each
# request once, under each MPM.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Playcount::Metrics;

# A backend that answers without a length and closes.
my $backend = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', Listen => 5, ReuseAddr => 1, Proto => 'tcp')
    or die $!;
my $backend_port = $backend->sockport;
Playcount::Process::begin({}, sub {
    while (my $client = $backend->accept) {
        local $SIG{PIPE} = 'IGNORE';
        while (defined(my $line = <$client>)) {
            last if $line =~ /^\r?$/;
        }
        print $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n";
        print $client 'q' x 30000 for 1 .. 10;
        close $client;
    }
});
close $backend;

my $CONFIG = <<"EOF";
DirectoryIndex disabled
<Location "/test">
    SetOutputFilter PLAYCOUNT_TEST_PROBE
</Location>
<Location "/deflate">
    SetHandler playcount-test
    SetOutputFilter DEFLATE
</Location>
<Directory "\@root\@/htdocs">
    Options +ExecCGI +Includes
    <Files "*.cgi">
        SetHandler cgi-script
    </Files>
    <Files "*.shtml">
        SetOutputFilter INCLUDES
        SetHandler default-handler
    </Files>
</Directory>
<Location "/error">
    ErrorDocument 404 /message.txt
    SetHandler playcount-test
</Location>
ProxyPass "/proxy" "http://127.0.0.1:$backend_port/"
EOF

sub write_files
{
    my ($root) = @_;
    my $docs = "$root/htdocs";
    Playcount::Server::spew("$docs/file.txt", 'f' x 300_000);
    Playcount::Server::spew("$docs/message.txt", "not here\n");
    Playcount::Server::spew("$docs/part.txt", "the part\n");
    Playcount::Server::spew("$docs/page.shtml",
        qq{<p>\n<!--#include virtual="/part.txt" -->\n<!--#include virtual="/test?blocks=3" -->\n});
    Playcount::Server::spew("$docs/script.cgi",
        "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
        . "i=0\nwhile [ \$i -lt 50 ]; do printf '%01000d' 0; i=\$((i+1)); done\n");
    chmod 0755, "$docs/script.cgi";
}

for my $mpm (qw(event worker prefork)) {
    my $cgi = $mpm eq 'prefork' ? 'cgi' : 'cgid';
    my $sock = $mpm eq 'prefork' ? '' : "ScriptSock cgid.sock\n";
    my $server = Playcount::Metrics::server(
        mpm => $mpm, config => $sock . $CONFIG,
        modules => [$cgi, qw(include deflate filter proxy proxy_http dir)]);
    write_files($server->root);
    my $asked = 0;

    # One request; what its line must say.
    my $expect = sub {
        my ($what, $request, %want) = @_;
        my ($method, $path, %option) = @$request;
        my $answer;
        my $got = Playcount::Metrics::log_entry($server, sub {
            $answer = $server->request($method, $path, %option);
        });
        $asked++;
        my %found = map { $_ => $got->{$_} } keys %want;
        is_deeply \%found, \%want, "$mpm: $what";
        cmp_ok $got->{output}, '<=', $got->{application},
            "$mpm: $what: output within application time";
        cmp_ok $got->{application}, '<=', $got->{request},
            "$mpm: $what: application within request time";
        return $answer;
    };

    $expect->('no block', ['GET', '/test'],
        status => 200, blocks => 0, length => 0, route => 'playcount-test');
    $expect->('one block', ['GET', '/test?blocks=1&size=1000'],
        blocks => 1, length => 1000, note => 1000, probe => 'TRANSIENT:1000 EOS');
    $expect->('many blocks', ['GET', '/test?blocks=20&size=1000'],
        blocks => 20, length => 20000);
    $expect->('many blocks in one brigade', ['GET', '/test?blocks=20&size=9&how=brigade'],
        blocks => 20, length => 180);
    $expect->('blocks of one byte', ['GET', '/test?blocks=50000'],
        blocks => 50000, length => 50000);
    $expect->('blocks of one byte in one brigade', ['GET', '/test?blocks=50000&how=brigade'],
        blocks => 50000, length => 50000);
    $expect->('small writes that httpd joins', ['GET', '/test?blocks=3&how=rputs'],
        blocks => 1, length => 3, probe => 'HEAP:3 EOS');
    $expect->('flushes stay in place', ['GET', '/test?blocks=2&how=flush'],
        blocks => 2, length => 2, probe => 'TRANSIENT:1 FLUSH TRANSIENT:1 FLUSH EOS');
    $expect->('a file bucket stays one', ['GET', '/test?file=' . $server->root . '/htdocs/file.txt'],
        blocks => 1, length => 300_000, probe => 'FILE:300000 EOS');
    my $answer = $expect->('a pipe of unknown length', ['GET', '/test?pipe=123456'],
        blocks => 1, length => 123456, probe => 'PIPE:-1 EOS');
    is length $answer->{content}, 123456, "$mpm: which arrives whole";

    $expect->('a static file', ['GET', '/file.txt'],
        blocks => 1, length => 300_000, route => 'static');
    $answer = $expect->('HEAD: what the handler passed on',
        ['HEAD', '/test?blocks=2&size=5&how=brigade'],
        method => 'HEAD', blocks => 2, length => 10);
    my $etag = $server->request('HEAD', '/file.txt')->{headers}{etag};
    $asked++;
    Playcount::Server::wait_until('line of HEAD',
        sub { $asked == (() = Playcount::Metrics::entries($server)) });
    $expect->('304', ['GET', '/file.txt', headers => { 'If-None-Match' => $etag }],
        status => 304, blocks => 0, length => 0);
    $answer = $expect->('404', ['GET', '/test?return=404'],
        status => 404, blocks => 1, length => length($server->get('/test?return=404')->{content}));
    $asked++;
    Playcount::Server::wait_until('line of 404',
        sub { $asked == (() = Playcount::Metrics::entries($server)) });
    $expect->('404 of no handler', ['GET', '/no-such-file'], status => 404, blocks => 1,
        route => 'static');
    $expect->('404 with an ErrorDocument', ['GET', '/error?return=404'],
        status => 404, blocks => 1, length => 9, route => 'playcount-test',
        uri => '/error');
    $expect->('an internal redirect', ['GET', '/test?redirect=/file.txt'],
        status => 200, blocks => 1, length => 300_000, route => 'playcount-test');
    $expect->('a handler with a subrequest', ['GET', '/test?sub=/part.txt&blocks=2'],
        status => 200, blocks => 3, length => 11);
    $answer = $expect->('SSI: the page as its handler passed it on', ['GET', '/page.shtml'],
        status => 200, blocks => 1,
        length => -s $server->root . '/htdocs/page.shtml', route => 'static');
    is $answer->{content}, "<p>\nthe part\n\nxxx\n", "$mpm: SSI: with its subrequests";
    # One block or two: what was read along with the header comes by itself.
    $answer = $expect->('CGI', ['GET', '/script.cgi'],
        status => 200, length => 50_000, route => 'cgi-script');
    is length $answer->{content}, 50_000, "$mpm: CGI: arrives whole";
    $answer = $expect->('a proxied response of unknown length', ['GET', '/proxy'],
        status => 200, length => 300_000, route => 'proxy-server');
    is length $answer->{content}, 300_000, "$mpm: which arrives whole";
    $answer = $expect->('deflate: length before the coding',
        ['GET', '/deflate?blocks=100&size=100', headers => { 'Accept-Encoding' => 'gzip' }],
        blocks => 100, length => 10_000);
    is $answer->{headers}{'content-encoding'}, 'gzip', "$mpm: which was coded";
    $expect->('deflate of a pipe', ['GET', '/deflate?pipe=54321',
        headers => { 'Accept-Encoding' => 'gzip' }], blocks => 1, length => 54321);
    $answer = $expect->('a range: what the handler passed on',
        ['GET', '/file.txt', headers => { Range => 'bytes=10-19' }],
        status => 206, blocks => 1, length => 300_000);
    is length $answer->{content}, 10, "$mpm: of which ten bytes arrive";

    # Keep-alive and pipelining.
    $server->raw(join '', (map { "GET /test?blocks=$_ HTTP/1.1\r\nHost: t\r\n\r\n" } 1 .. 19),
        "GET /test?blocks=20 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    $asked += 20;
    my @entries;
    Playcount::Server::wait_until('all pipelined requests in the log', sub {
        @entries = Playcount::Metrics::entries($server);
        return @entries >= $asked;
    });
    is join(' ', map { $_->{blocks} } @entries[-20 .. -1]), join(' ', 1 .. 20),
        "$mpm: pipelined requests, each with its own blocks";
    is scalar(@entries), $asked, "$mpm: each request has one line";
    my $json = Playcount::Metrics::json($server)->{metrics}{total};
    is $json->{requests}, $asked, "$mpm: and is counted once";
    my ($blocks, $length) = (0, 0);
    for my $entry (@entries) {
        $blocks += $entry->{blocks};
        $length += $entry->{length};
    }
    is $json->{output_blocks}{sum}, $blocks, "$mpm: all blocks, over all processes";
    is $json->{output_length}{sum}, $length, "$mpm: all bytes";
    is $json->{in_flight}, 0, "$mpm: nothing is in flight any more";
}

done_testing;
