package Playcount::LaneRules;

# Random configurations and random requests: with the lane on, every answer is the
# one that httpd gives without it. For t/lane/rules.t and t/soak.
#
# Each configuration is a virtual host of its own, put together from what can decide
# about a request: Require of all kinds, <Limit>, <If>, locations for all songs, for
# some and for others, users, rewriting, redirects, headers and filters, directories and
# what .htaccess files in them say.

use strict;
use warnings;
use Playcount::Lane;
use Playcount::Server;
use Test::More;

my @MODULES = qw(rewrite alias auth_basic authn_core authn_file authz_user headers
    setenvif env deflate filter access_compat);

# A choice that the seed decides.
sub one_of { return $_[int rand @_] }

# What the modules of this httpd cannot do is left out.
sub requirement
{
    return one_of('all granted', 'all granted', 'all granted', 'all denied', 'ip 127.0.0.1',
        'ip 10.0.0.0/8', 'local', 'host localhost', 'method GET', 'method GET POST',
        'method POST', 'env pass', 'valid-user', q{expr "%{REQUEST_METHOD} == 'GET'"},
        q{expr "%{REQUEST_METHOD} != 'DELETE'"}, q{expr "%{REQUEST_URI} =~ m#/a#"},
        q{expr "req('X-Pass') == 'yes'"}, q{expr "%{HTTP_X_PASS} == 'yes'"},
        q{expr "%{QUERY_STRING} == ''"}, q{expr "%{REMOTE_ADDR} == '127.0.0.1'"});
}

sub requires
{
    my ($depth) = @_;
    my $kind = $depth ? one_of('', '', 'Any', 'All', 'None') : '';

    return "Require " . requirement() . "\n" unless $kind;
    my $inside = join '', map { requires($depth - 1) } 1 .. 1 + int rand 2;
    # httpd wants at least one that may grant.
    $inside =~ s/all granted/ip 10.1.1.1/g if $kind eq 'None';
    return $kind eq 'None'
        ? "<RequireAll>\nRequire all granted\n<RequireNone>\n$inside</RequireNone>\n</RequireAll>\n"
        : "<Require$kind>\n$inside</Require$kind>\n";
}

sub user
{
    return "AuthType Basic\nAuthName x\nAuthUserFile \@root\@/conf/users\n";
}

sub inside
{
    return one_of(
        sub { requires(2) }, sub { requires(2) }, sub { requires(1) },
        sub { '<Limit ' . one_of('GET', 'POST', 'GET POST') . ">\n" . requires(1) . "</Limit>\n" },
        sub { '<LimitExcept ' . one_of('GET', 'POST') . ">\n" . requires(1) . "</LimitExcept>\n" },
        sub { user() . "Require valid-user\n" },
        sub { "<If \"%{REQUEST_URI} =~ m#/" . one_of('a', 'b') . "#\">\nRequire all denied\n</If>\n" },
        sub { "<If \"req('X-Pass') == 'yes'\">\nRequire all denied\n</If>\n" },
        sub { "Header set X-A b\n" }, sub { "SetOutputFilter DEFLATE\n" },
        sub { "RequestHeader set X-Pass yes\n" }, sub { "LimitRequestBody 10\n" },
        sub { "SetHandler " . one_of('none', 'playcount') . "\n" },
        sub { "PlaycountUse other\n" }, sub { '' },
        sub { 'Order ' . one_of('deny,allow', 'allow,deny') . "\n"
                . one_of('Allow', 'Deny') . ' from ' . one_of('all', '127.0.0.1', 'env=pass') . "\n" },
    )->();
}

sub location
{
    my ($root) = @_;
    my @paths = ("$root/song/", "$root/song", "$root/song/a", "$root/song/a/", '/so', '/',
        '/other', '/songs', "$root/song/?", "$root/s*");
    my @patterns = ("^$root/song/[ab]", '^/other', 'song/b', "^$root/s?ong/a", '^/x|/song/a',
        '^/SONG/b');

    return rand() < 0.7
        ? '<Location "' . one_of(@paths) . "\">\n" . inside() . "</Location>\n"
        : '<LocationMatch "' . one_of(@patterns) . "\">\n" . inside() . "</LocationMatch>\n";
}

sub anywhere
{
    my ($root) = @_;

    return one_of(
        (sub { location($root) }) x 6,
        sub { "Redirect " . one_of("$root/song/c", '/old') . " /new\n" },
        sub { "RedirectMatch \"" . one_of("^$root/song/c", '^/old', 'c$') . "\" /new\n" },
        sub { "RewriteEngine On\nRewriteRule \"" . one_of("^$root/song/d", '^/old', 'd$', '.')
                . "\" - [" . one_of('F', 'L', 'NC,F') . "]\n" },
        sub { "RewriteEngine On\nRewriteCond %{HTTP:X-Pass} yes\nRewriteRule . - [F]\n" },
        sub { "SetEnvIf X-Pass yes pass\n" }, sub { "SetEnvIf Request_URI /a pass\n" },
        sub { "Header set X-A c\n" }, sub { "MaxKeepAliveRequests 7\n" },
        sub { "LimitRequestLine 60\n" }, sub { "KeepAlive Off\n" },
        sub { "AddOutputFilterByType DEFLATE text/plain\n" }, sub { '' },
    )->();
}

# What a directory says of the files in it, and of what answers in their place; and what
# its .htaccess file says.
sub directory
{
    my ($path) = @_;
    my $allowed = one_of('None', 'None', 'All', 'AuthConfig', 'FileInfo', 'Limit');
    my $inside = "AllowOverride $allowed\n"
        . (rand() < 0.4 ? requires(1) : '')
        . (rand() < 0.2 ? '<Files "' . one_of('a', 'b', '*', 'x.txt') . "\">\nRequire all denied\n</Files>\n" : '');
    my $file = one_of('', requires(1), "Require all denied\n", "SetEnvIf X-Pass yes pass\n",
        "RewriteEngine On\nRewriteRule " . one_of('a', 'b$', '.') . " - [F]\n",
        "Header set X-A d\n", "Deny from all\n");

    return ("<Directory \"$path\">\n$inside</Directory>\n", $file);
}

# A virtual host; its rules may be refused by httpd, then another is made. The second
# is the .htaccess file of its document root.
sub host
{
    my ($name, $port) = @_;
    my $root = one_of('', '', '', '/p');
    my $rules = join '', map { anywhere($root) } 1 .. one_of(0, 0, 0, 1, 1, 2, 3);
    my $in_root = rand() < 0.4 ? requires(2) : rand() < 0.2 ? inside() : '';
    my $where = $root eq '' ? '/' : $root;
    my ($documents, $file) = ('', '');

    if (rand() < 0.25) {
        my $path = "\@root\@/htdocs/$name";
        ($documents, $file) = directory(one_of($path, $path, '@root@/htdocs', '/'));
        $documents = "DocumentRoot \"$path\"\n$documents";
    }
    $rules .= user() if $rules =~ /valid-user/ || $in_root =~ /valid-user/;
    return ("<VirtualHost *:$port>\nServerName $name\n$documents<Location \"$where\">\n"
        . "SetHandler playcount\n$in_root</Location>\n$rules</VirtualHost>\n", $file);
}

sub request
{
    my ($name) = @_;
    my $root = one_of('', '', '', '/p');
    my $method = one_of('GET', 'GET', 'POST', 'POST', 'POST', 'HEAD', 'DELETE', 'OPTIONS');
    my $id = one_of('a', 'b', 'c', 'd', 'e', 'f/a', 'A', 'x' x 40);
    my $query = $method eq 'POST' && rand() < 0.2 ? '?by=' . (1 + int rand 5) : '';
    my @headers = ("Host: $name",
        rand() < 0.2 ? 'X-Pass: yes' : (), rand() < 0.1 ? 'Accept: application/json' : (),
        rand() < 0.1 ? 'Authorization: Basic YTpi' : (), rand() < 0.1 ? 'X-Pass: no' : (),
        rand() < 0.05 ? 'Connection: close' : (), rand() < 0.1 ? 'Accept-Encoding: gzip' : ());
    return join "\r\n", "$method $root/song/$id$query HTTP/1.1", @headers, '', '';
}

# A conversation asks one thing again and again, for some songs, and now and then
# another; in single requests and several at once.
sub conversation
{
    my (@names) = @_;
    my $name = one_of(@names);
    my $model = request($name);
    my @steps = ($model, $model);

    for (1 .. 3 + int rand 5) {
        my $next = rand() < 0.15 ? request(one_of($name, $name, @names)) : $model;
        my $id = one_of('a', 'b', 'c', 'd', 'e', 'g');
        $next =~ s{/song/[^? ]+}{/song/$id} if rand() < 0.7;
        rand() < 0.3 ? ($steps[-1] .= $next) : push @steps, $next;
    }
    return @steps;
}

sub servers
{
    my ($names, %option) = @_;
    my @servers = map {
        Playcount::Lane::server($_, %option, start => 0, location => undef, modules => ['status', @MODULES],
            config => "PlaycountZone default songs=10k\nPlaycountZone other songs=10k\n")
    } qw(On Off);

    # Only rules that httpd takes.
    my $own = $servers[0]{config};
    # The first one is asked for the lane's numbers.
    my @good = ("<VirtualHost *:\@port\@>\nServerName plain\n</VirtualHost>\n");
    Playcount::Server::spew("$_->{root}/conf/users", 'a:{SHA}6dYDCFtzxaqNqCQb2+oaJ+sk8Zw=' . "\n")
        for @servers;
    for my $name (@$names) {
        for (1 .. 20) {
            my ($host, $file) = host($name, '@port@');
            for my $server (@servers) {
                mkdir "$server->{root}/htdocs/$name";
                Playcount::Server::spew("$server->{root}/htdocs/$name/.htaccess", $file);
            }
            $servers[0]->set_config($own . $host);
            my ($status) = $servers[0]->check_config;
            next if $status;
            push @good, $host;
            last;
        }
    }
    for my $server (@servers) {
        my $lane = $server == $servers[0] ? 'On' : 'Off';
        (my $config = $own) =~ s/PlaycountLane On/PlaycountLane $lane/;
        $server->set_config($config . join '', @good);
        $server->start;
    }
    return @servers;
}

# With options of Playcount::Server, such as the MPM. How many requests were compared, how many of them the lane answered, and the
# conversations that differ.
sub test
{
    my ($seed, $n_hosts, $n_conversations, %option) = @_;
    srand $seed;
    my @names = map { "v$_" } 1 .. $n_hosts;
    my @servers = servers(\@names, %option);
    my ($requests, @different) = (0);

    for (1 .. $n_conversations) {
        my @steps = conversation(@names);
        my @said = map {
            my $text = join "\n====\n", @{ Playcount::Lane::talk($_, @steps) };
            # httpd's own list is in the order of a hash.
            $text =~ s/^(Allow: )([^\r]*)/$1 . join ',', sort split \/,\s*\/, $2/gme;
            $text;
        } @servers;
        $requests += () = join('', @steps) =~ / HTTP\/1\.1\r\n/g;
        push @different, [join("\n", @steps), @said] if $said[0] ne $said[1];
    }
    my $lane = Playcount::Lane::numbers($servers[0])->{Requests};
    my %places;
    $places{ /stays out/ ? 'out' : 'in' }++
        for $servers[0]->error_log =~ /PlaycountLane: (\S* (?:is answered|.*stays out).*)/g;
    if (@different) {
        diag "seed $seed: ", $servers[0]{config};
        diag join "\n----\n", @{ $different[0] };
    }
    return { requests => $requests, lane => $lane // 0, different => scalar @different,
        places => \%places };
}

1;
