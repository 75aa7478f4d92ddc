# Whoever may write an .htaccess file has a directory of the site, and neither its counts nor
# its metrics: SetHandler there opens none of ours. In the server's configuration it counts
# wherever it stands.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

sub server
{
    my ($config, %htaccess) = @_;
    my $server = Playcount::Server->new(location => undef, songs => '1k', start => 0,
        modules => ['rewrite', 'dir'], config => <<"EOT");
<Directory "\@root\@/htdocs">
    AllowOverride FileInfo
</Directory>
$config
EOT
    my $htdocs = $server->root . '/htdocs';
    mkdir "$htdocs/user" or die $!;
    Playcount::Server::spew("$htdocs/$_", 'a file') for 'page', 'user/page';
    Playcount::Server::spew("$htdocs/$_/.htaccess", $htaccess{$_}) for keys %htaccess;
    $server->start;
    return $server;
}

sub status { my ($server, @request) = @_; return $server->request(@request)->{status} }

my $protected = <<'EOT';
<Location "/plays">
    SetHandler playcount
    Require ip 10.9.9.9
</Location>
<Location "/open">
    SetHandler playcount
</Location>
EOT
for my $how ("SetHandler %s\n", "<If \"true\">\nSetHandler %s\n</If>\n", "<Files \"*\">\nSetHandler %s\n</Files>\n",
    "RewriteEngine On\nRewriteRule . - [H=%s]\n") {
    my ($name) = $how =~ /(.*)\n/;
    my $server = server($protected, '.' => sprintf($how, 'playcount'), user => sprintf($how, 'playcount-metrics'));
    is status($server, POST => '/open/song/1'), 200, "$name: the server's own location";
    is status($server, GET => '/plays/song/1'), 403, 'the protected one';
    for (['GET', '/song/1'], ['POST', '/song/1'], ['GET', '/'], ['DELETE', '/'], ['POST', '/songs', content => 'a=1'],
        ['POST', '/handoff'], ['GET', '/page'], ['GET', '/user/page'], ['GET', '/user/?format=json']) {
        my $answer = $server->request(@$_);
        # A rule for each file does not see what is none.
        like $answer->{status}, qr/^40[345]$/, "@$_[0, 1] opens nothing";
        unlike $answer->{content}, qr/playcount_|"version"/, 'and tells nothing';
    }
    is $server->get('/open/')->{content}, '1=1', 'nothing was counted or cleared';
    like $server->error_log, qr/SetHandler playcount-metrics in an \.htaccess file has no effect/, 'the log says why';
}

# In the server's configuration.
for (["SetHandler playcount\n", 'the server'], ["<Directory \"\@root\@/htdocs\">\nSetHandler playcount\n</Directory>\n", 'a directory'],
    ["<Files \"*\">\nSetHandler playcount\n</Files>\n", 'files'],
    ["<Location \"/\">\n<If \"true\">\nSetHandler playcount\n</If>\n</Location>\n", 'a condition in a location'],
    ["<Location \"/song\">\nSetHandler none\n</Location>\n<LocationMatch \"^(?=/song)\">\nSetHandler playcount\n</LocationMatch>\n", 'a pattern']) {
    my ($config, $where) = @$_;
    is server($config)->post('/song/1')->{content}, '1', "$where: SetHandler in the configuration";
}
my $server = server("RewriteEngine On\nRewriteRule ^/x/(.*) /plays/song/\$1 [PT]\n<Location \"/plays\">\nSetHandler playcount\n</Location>");
is $server->post('/x/1')->{content}, '1', 'what a rule of the server leads to a location';

done_testing;
