# A response that its application breaks off is an error, also when httpd sent a 200
# and the handler returned without a complaint: mod_wsgi, in the server's processes
# and as a daemon. What an application gives without a byte is no block.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Playcount::Metrics;

plan skip_all => 'mod_wsgi is not installed'
    unless -e Playcount::Server::modules_dir() . '/mod_wsgi.so';

my $APPLICATION = <<'EOF';
def raises():
    yield b'hello'
    raise RuntimeError('broken off')

def application(environ, start_response):
    wanted = environ['QUERY_STRING']
    headers = [('Content-Type', 'text/plain')]
    if 'length' in wanted:
        headers.append(('Content-Length', '10'))
    start_response('204 No Content' if '204' in wanted else '200 OK', headers)
    if 'raise' in wanted:
        return raises()
    if '204' in wanted or environ['REQUEST_METHOD'] == 'HEAD':
        return []
    if 'empty' in wanted:
        return [b'', b'a', b'', b'b', b''] if 'some' in wanted else []
    return [b'hello'] if 'short' in wanted else [b'01234', b'56789']
EOF

my $temp = File::Temp->newdir('playcount-wsgi-XXXXXX', DIR => '/tmp');
chmod 0755, "$temp";
Playcount::Server::spew("$temp/application.py", $APPLICATION);
# Python in a process of several threads takes 10 s to stop: under event, not there.
for my $mpm (qw(event prefork)) {
    my $server = Playcount::Metrics::server(mpm => $mpm, modules => ['wsgi'], config => <<"EOF");
WSGISocketPrefix $temp/$mpm
WSGIDaemonProcess apart threads=2 shutdown-timeout=1
WSGIScriptAlias /embedded $temp/application.py
WSGIScriptAlias /daemon $temp/application.py
<Directory $temp>
    Require all granted
</Directory>
<Location /daemon>
    WSGIProcessGroup apart
</Location>
EOF
    # The outcome of one request, and its line in the log.
    my $outcome = sub {
        my ($where, $method, $query) = @_;
        my $before = Playcount::Metrics::json($server)->{metrics}{total}{outcomes};
        my $entry = Playcount::Metrics::log_entry($server, sub {
            my $socket = $server->socket;
            print $socket "$method /$where?$query HTTP/1.1\r\nHost: t\r\n"
                . "Connection: close\r\n\r\n";
            $socket->flush;
            1 while sysread $socket, my $answer, 65536;
        });
        my $now = Playcount::Metrics::json($server)->{metrics}{total}{outcomes};
        my ($which) = grep { $now->{$_} > $before->{$_} } sort keys %$now;
        return ($which, $entry);
    };
    my $is = sub {
        my ($what, $where, $method, $query, $blocks, $length, $wanted) = @_;
        my ($which, $entry) = $outcome->($where, $method, $query);
        is $which, $wanted, "$mpm, $where: $what: $wanted";
        is $entry->{blocks}, $blocks, 'with its blocks' if defined $blocks;
        is $entry->{length}, $length, 'and its bytes';
    };
    for my $where ('daemon', $mpm eq 'prefork' ? 'embedded' : ()) {
        # What was read from the daemon's socket at once is one block.
        my $reads = $where eq 'daemon';
        $is->('a whole response', $where, 'GET', 'all', $reads ? undef : 2, 10, 'complete');
        $is->('with its length', $where, 'GET', 'length', $reads ? undef : 2, 10, 'complete');
        $is->('less than the length promised', $where, 'GET', 'length&short', 1, 5, 'error');
        $is->('a generator that raises, with a length', $where, 'GET', 'length&raise',
            1, 5, 'error');
        $is->('HEAD with a length and no body', $where, 'HEAD', 'length', 0, 0, 'complete');
        $is->('204 with a length', $where, 'GET', '204&length', 0, 0, 'complete');
        $is->('nothing', $where, 'GET', 'empty', 0, 0, 'complete');
        $is->('some, and empty ones', $where, 'GET', 'empty&some', $reads ? undef : 2, 2,
            'complete');
    }
    # The daemon ends such a response as if all were well: the difference cannot be
    # told.
    $is->('a generator that raises, chunked', 'embedded', 'GET', 'raise', 1, 5, 'error')
        if $mpm eq 'prefork';
}

done_testing;
