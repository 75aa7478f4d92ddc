# What protects a site protects the counter and the metrics in it: <Directory>,
# .htaccess and <Files> hold as for any other URL, unless the location has its own
# Require; and nothing leads our URLs elsewhere.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $BASIC = <<'EOT';
AuthType Basic
AuthName site
AuthBasicProvider file
AuthUserFile @root@/conf/users
EOT
my @MODULES = qw(authn_core authn_file authz_user auth_basic rewrite alias dir);
my @WITH_PASSWORD = (headers => { Authorization => 'Basic dTpw' }); # u:p

# Every way to what is below a root, and what the site says to another URL.
my @ways = (['GET', '/plays/song/1'], ['POST', '/plays/song/1'], ['GET', '/plays/'],
    ['POST', '/plays/songs', content => 'a=1'], ['DELETE', '/plays/'],
    ['POST', '/plays/handoff'], ['GET', '/plays/handoff'], ['DELETE', '/plays/handoff/1'],
    ['GET', '/plays/song/a//b/../c%2Fd'], ['OPTIONS', '/plays'], ['GET', '/metrics']);

sub site
{
    my ($config, %option) = @_;
    my $server = Playcount::Server->new(location => undef, songs => '1k', start => 0,
        ($option{mpm} ? (mpm => $option{mpm}) : ()), modules => [@MODULES, @{ $option{modules} || [] }],
        config => <<"EOT");
<Location "/plays">
    SetHandler playcount
</Location>
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
$config
EOT
    my $root = $server->root;
    Playcount::Server::spew("$root/conf/users", "u:{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k=\n");
    Playcount::Server::spew("$root/htdocs/page", 'page');
    Playcount::Server::spew("$root/htdocs/index.php", 'front');
    Playcount::Server::spew("$root/htdocs/.htaccess", $option{htaccess} =~ s/\@root\@/$root/gr)
        if $option{htaccess};
    $server->start;
    return $server;
}

sub statuses { my ($server, @more) = @_; map { $server->request(@$_, @more)->{status} } @ways }

# The whole site answers with this status; with a password it does not, if one helps.
sub is_protected
{
    my ($server, $status, $name, $password) = @_;
    is $server->get('/page')->{status}, $status, "$name: a file";
    is_deeply [statuses($server)], [map { $status } @ways], "$name: all that is ours";
    is $server->get('/page', @WITH_PASSWORD)->{status}, 200, "$name: a file with a password"
        if $password;
    is_open($server, "$name, with a password", @WITH_PASSWORD) if $password;
}

sub is_open
{
    my ($server, $name, @with) = @_;
    my ($get, $post) = map { $server->request($_, '/plays/song/x', @with) } qw(GET POST);
    is $get->{status}, 200, "$name: GET";
    is $post->{status}, 200, "$name: POST";
    is $server->get('/metrics', @with)->{status}, 200, "$name: metrics";
}

# In the configuration: the disk is not asked.
my %sections = (
    'the root directory' => '<Directory "/">', 'the document root' => '<Directory "@root@/htdocs">',
    'a directory above it' => '<Directory "@root@">', 'a wildcard' => '<Directory "@root@/ht*">',
    'a pattern' => '<DirectoryMatch "/htdocs">', 'every file' => '<Files "*">',
    'files by pattern' => '<FilesMatch ".">', 'an if in a directory' => "<Directory \"/\">\n<If \"true\">",
);
for my $where (sort keys %sections) {
    my ($tag, $inner) = $sections{$where} =~ /<(\w+)[^>]*>\s*(<If)?/;
    my $end = ($inner ? "</If>\n" : '') . "</$tag>";
    my $server = site("$sections{$where}\nRequire all denied\n$end");
    is_protected($server, 403, $where);
}
is_protected(site("<Directory \"/\">\n$BASIC Require valid-user\n</Directory>"), 401,
    'a password for all', 1);
is_protected(site("<Directory \"/\">\n$BASIC Require valid-user\n</Directory>", mpm => 'prefork'),
    401, 'under prefork', 1);
is_protected(site("<Directory \"\@root\@/htdocs\">\nOrder deny,allow\nDeny from all\n</Directory>",
        modules => ['access_compat']), 403, 'the older directives');

# By .htaccess, where AllowOverride lets it in.
my $allow = sub { "<Directory \"\@root\@/htdocs\">\nAllowOverride $_[0]\n</Directory>" };
is_protected(site($allow->($_), htaccess => "Require all denied\n"), 403,
    ".htaccess, AllowOverride $_") for 'All', 'AuthConfig';
is_protected(site($allow->('None') . "\n<Directory \"\@root\@/htdocs\">\nAllowOverrideList Require\n"
        . '</Directory>', htaccess => "Require all denied\n"), 403, 'AllowOverrideList');
is_protected(site("<Directory \"/\">\nAllowOverride All\n</Directory>",
        htaccess => "$BASIC Require valid-user\n"), 401, 'AllowOverride above the document root', 1);
{
    my $server = site($allow->('None'), htaccess => "Require all denied\n");
    is $server->get('/page')->{status}, 200, 'AllowOverride None: a file';
    is_open($server, 'AllowOverride None');
    is_open(site($allow->('All')), 'no .htaccess there');
    $server = site($allow->('AuthConfig'), htaccess => "ErrorDocument 404 no\n");
    is_protected($server, 500, 'an .htaccess with what it may not hold');
}

# The location comes last.
my $denied = "<Directory \"/\">\nRequire all denied\n</Directory>\n";
my $own = "<Location \"/plays\">\nRequire all granted\n</Location>\n";
{
    my $server = site($denied . $own);
    is $server->get('/page')->{status}, 403, 'denied but for a location: a file';
    is $server->post('/plays/song/1')->{content}, '1', 'the location';
    is $server->get('/metrics')->{status}, 403, 'the other location';
    is_open(site("$denied<Location \"/\">\nRequire all granted\n</Location>\n"),
        'the location above has a Require');
    is_open(site($allow->('All') . "\n$own" . "<Location \"/metrics\">\nRequire all granted\n</Location>",
        htaccess => "Require all denied\n"), 'a Require of its own against .htaccess');
    is_open(site("$denied<Directory \"\@root\@/htdocs/\">\nRequire all granted\n</Directory>\n"),
        'a directory below is open');
    is_open(site("<Directory \"/elsewhere\">\nRequire all denied\n</Directory>\n"
            . "<Files \"page\">\nRequire all denied\n</Files>\n"), 'what protects others');
}

# Virtual hosts have their own sections; a counter may be all of one.
{
    my $port = Playcount::Server::free_port();
    my $server = site(<<"EOT");
Listen 127.0.0.1:$port
<VirtualHost 127.0.0.1:$port>
    DocumentRoot "\@root\@/conf"
    <Location "/">
        SetHandler playcount
    </Location>
    <Directory "\@root\@/conf">
        Require all denied
    </Directory>
</VirtualHost>
EOT
    is_open($server, 'the main server');
    my $other = sub { HTTP::Tiny->new->request($_[0], "http://127.0.0.1:$port$_[1]")->{status} };
    is $other->('GET', $_), 403, "the virtual host: $_" for '/', '/song/1', '/songs', '/handoff';
    is $other->('DELETE', '/'), 403, 'the virtual host: DELETE';
}

# Any number of roots.
{
    my $server = site(<<'EOT');
<LocationMatch "^/any-\w+">
    SetHandler playcount
</LocationMatch>
<Directory "@root@/htdocs/any-closed">
    Require all denied
</Directory>
EOT
    my %seen;
    $seen{ $server->get("/any-$_/song/1")->{status} }++ for 1 .. 200;
    is_deeply \%seen, { 200 => 200 }, 'more roots than are kept';
    is $server->get('/any-closed/song/1')->{status}, 403, 'each with its own sections';
}

# A front controller does not get what is ours; what a rule refuses is refused.
my $front = <<'EOT';
RewriteEngine On
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
EOT
for my $where ('.htaccess', '<Directory>') {
    my $server = $where eq '.htaccess' ? site($allow->('All'), htaccess => $front)
        : site("<Directory \"\@root\@/htdocs\">\n$front</Directory>");
    is $server->get('/nothing')->{content}, 'front', "$where: the front controller";
    is $server->post('/plays/song/1?by=7')->{content}, '7', "$where: a song";
    is $server->get('/plays/')->{content}, '1=7', "$where: all songs";
    is $server->delete('/plays/')->{content}, 'OK', "$where: DELETE";
    like $server->get('/metrics')->{content}, qr/^# /, "$where: the metrics";
    is $server->get('/metrics?format=x')->{status}, 400, "$where: and their query";
}
is_protected(site($allow->('All'), htaccess => "RewriteEngine On\nRewriteRule ^ - [F]\n"), 403,
    'a rule that forbids');
is site($allow->('All'), htaccess => "RewriteEngine On\nRewriteRule ^plays/song/bad - [G]\n")
    ->get('/plays/song/bad')->{status}, 410, 'a rule for a path';
is_open(site($allow->('All'), htaccess => "FallbackResource /index.php\n"), 'FallbackResource');
is_open(site("<Directory \"/\">\nSetHandler none\n</Directory>"), 'a handler of the directory');

done_testing;
