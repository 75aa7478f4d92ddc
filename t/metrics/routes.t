# Routes: labels, expressions, what is derived without them, how many there may
# be; and labels that are long, broken or hostile, in every place they appear.
use strict;
use warnings;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(modules => ['rewrite', 'status'], config => <<'EOF');
PlaycountRoutes 12
<Location "/test/constant">
    PlaycountRoute "a constant"
</Location>
<Location "/test/expr">
    PlaycountRoute "%{REQUEST_METHOD} %{HANDLER}"
</Location>
<Location "/test/empty">
    PlaycountRoute "%{QUERY_STRING}"
</Location>
<Location "/test/off">
    PlaycountMetrics Off
</Location>
<Directory "@root@/htdocs/app">
    RewriteEngine On
    RewriteRule "^front$" "/test/constant" [L]
</Directory>
<Location "/server-status">
    SetHandler server-status
    PlaycountMetrics Off
</Location>
<VirtualHost *:@port@>
    ServerName first
</VirtualHost>
<VirtualHost *:@port@>
    ServerName second
    PlaycountRoute "host %{HTTP_HOST}"
    <Location "/test">
        SetHandler playcount-test
    </Location>
</VirtualHost>
EOF
mkdir $server->root . '/htdocs/app';
Playcount::Server::spew($server->root . '/htdocs/file', 'x');
my $label = sub {
    my ($path, %option) = @_;
    return Playcount::Metrics::log_entry($server, sub {
        $server->request($option{method} || 'GET', $path, %option);
    })->{route};
};
is $label->('/test'), 'first/playcount-test', 'derived: the handler';
is $label->('/file'), 'first/static', 'derived: static';
is $label->('/test/constant'), 'a constant', 'a constant';
is $label->('/test/expr'), 'GET playcount-test', 'an expression';
is $label->('/test/expr', method => 'POST'), 'POST playcount-test', 'evaluated per request';
is $label->('/test/empty'), 'first/playcount-test', 'an empty label: derived';
is $label->('/app/front'), 'a constant', 'rewritten in a directory: where it leads to';
is Playcount::Metrics::log_entry($server, sub {
    $server->raw("GET /test HTTP/1.1\r\nHost: second\r\nConnection: close\r\n\r\n");
})->{route}, 'host second', 'a virtual host by expression';

my $lines = () = Playcount::Metrics::entries($server);
$server->get('/test/off?blocks=1');
my $after = Playcount::Metrics::log_entry($server, sub { $server->get('/test/off?blocks=1'); });
is $after->{route}, '-', 'metrics off in a location: no items';
is Playcount::Metrics::json($server)->{metrics}{total}{requests}, 8, 'and not counted';

# A label of a megabyte cannot come in a request line; a header can be long.
my @hostile = (
    'new%0aline', "quote\"quote", 'pipe|pipe', "bytes\xff\xfe", 'x' x 5000,
    '<script>alert(1)</script>');
for my $hostile (@hostile) {
    $server->raw("GET /test/empty?$hostile HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
}
Playcount::Server::wait_until('all counted', sub {
    return Playcount::Metrics::json($server)->{metrics}{total}{requests} == 8 + @hostile;
});
my $page = $server->get('/metrics?format=json')->{content};
my $decoded = eval { Cpanel::JSON::XS->new->utf8->decode($page) };
ok $decoded, 'hostile labels: the JSON can be read';
is $decoded->{metrics}{routes_used}, 12, 'twelve routes are in use';
cmp_ok $decoded->{metrics}{routes_refused}, '>', 0, 'what came after is refused';
my ($other) = grep { $_->{route} eq 'other' } @{ $decoded->{metrics}{routes} };
ok $other, 'and counted as the route "other"';
$server->get("/test/empty?another$_") for 1 .. 5;
Playcount::Server::wait_until('all counted', sub {
    return Playcount::Metrics::route($server, 'other')->{requests} == $other->{requests} + 5;
});
my $warnings = () = $server->error_log =~ /12 routes are in use/g;
is $warnings, 1, 'with one warning';
is scalar(grep { length > 63 } map { $_->{route} } @{ $decoded->{metrics}{routes} }), 0,
    'labels are cut';
unlike $server->get('/metrics')->{content}, qr/\xff/, 'no broken bytes for Prometheus';
open my $tool, '|-', 'promtool check metrics > /dev/null 2>&1' or die $!;
print $tool $server->get('/metrics')->{content};
ok close $tool, 'promtool reads them';
unlike $server->get('/server-status')->{content}, qr/<script>/, 'mod_status: escaped';
is scalar(grep { !/^[\w\/.:<> -]+:? ?/ } split /\n/, $server->get('/server-status?auto')->{content}), 0,
    'and in ?auto';
unlike $server->error_log, qr/^line/m, 'and in the log';

# Concatenated expressions can make a label of a megabyte.
my $big = Playcount::Metrics::server(config => 'PlaycountRoute "'
    . ('%{HTTP:X-Long}' x 130) . "\"\nLimitRequestFieldSize 16384\n");
my $entry = Playcount::Metrics::log_entry($big, sub {
    is $big->get('/test?blocks=1', headers => { 'X-Long' => 'y' x 8100 })->{status}, 200,
        'a label of a megabyte: served';
});
is $entry->{route}, 'y' x 63, 'and cut';

# With several virtual hosts their names tell apart what no PlaycountRoute names.
for my $routes (64, 3) {
    my $hosts = Playcount::Metrics::server(config => <<"EOF");
PlaycountRoutes $routes
ServerName main.example
<VirtualHost *:\@port\@>
    ServerName one.example
</VirtualHost>
<VirtualHost *:\@port\@>
    ServerName two.example
    <Location "/test/named">
        PlaycountRoute named
    </Location>
</VirtualHost>
EOF
    for my $path ('/test?blocks=1', '/none', '/test/named?blocks=1') {
        $hosts->raw("GET $path HTTP/1.1\r\nHost: $_.example\r\nConnection: close\r\n\r\n")
            for qw(one two one);
    }
    my %count;
    Playcount::Server::wait_until('all counted', sub {
        my $metrics = Playcount::Metrics::json($hosts)->{metrics};
        %count = map { $_->{route} => $_->{requests} } @{ $metrics->{routes} };
        return $metrics->{total}{requests} == 9;
    });
    is_deeply \%count, $routes == 64
        ? { 'one.example/playcount-test' => 4, 'two.example/playcount-test' => 1, 'named' => 1,
            'one.example/static' => 2, 'two.example/static' => 1 }
        : { 'playcount-test' => 5, 'static' => 3, 'named' => 1 },
        $routes == 64 ? 'virtual hosts have routes of their own'
            : 'without room for their names the handlers only';
    like $hosts->error_log, qr/PlaycountRoutes 6 would have room/, 'which the log says'
        if $routes == 3;
}

# Host names in labels: those of the configuration only.
{
    my $hosts = Playcount::Metrics::server(config => <<'EOF');
<VirtualHost *:@port@>
    ServerName One.example
    ServerAlias www.one.example *.any.example
    PlaycountRoute "name %{SERVER_NAME}"
    <Location "/test/header">
        PlaycountRoute "header %{HTTP_HOST}"
    </Location>
    <Location "/test/function">
        PlaycountRoute "function %{req:Host}"
    </Location>
    <Location "/test/canonical">
        UseCanonicalName On
    </Location>
</VirtualHost>
EOF
    my $port = $hosts->port;
    my @names = ('one.example', 'www.one.example', "one.example:$port", '', 'ONE.example', 'one.example:1',
        'a.any.example', map { "h$_.example" } 1 .. 30);
    my @paths = map { "/test/$_" } 'x', 'header', 'function', 'canonical';
    for my $path (@paths) {
        $hosts->raw("GET $path?blocks=1 HTTP/1.1\r\nHost: $_\r\nConnection: close\r\n\r\n") for @names;
    }
    my $metrics;
    Playcount::Server::wait_until('all counted', sub {
        $metrics = Playcount::Metrics::json($hosts)->{metrics};
        return $metrics->{total}{requests} == @paths * @names;
    });
    is_deeply { map { $_->{route} => $_->{requests} } grep { $_->{requests} } @{ $metrics->{routes} } }, {
        # Capitals and ports are no part of the name; a request without it has the server's.
        'name one.example' => 4, 'name www.one.example' => 1, 'name One.example' => 3 + @names,
        (map { my $as = $_; map { ("$as $_" => 1) } 'one.example', 'www.one.example', "one.example:$port" }
            'header', 'function'),
        'other' => 31 + 2 * 33,
    }, 'any number of host names takes no routes but those of the names that it has';
}

done_testing;
