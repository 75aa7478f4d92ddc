# What protects the site protects it from the lane as well: where a <Directory> section
# or an .htaccess file may decide about a request, the lane does not.
use strict;
use warnings;
use Test::More;
use Playcount::Client;
use Playcount::Lane;

sub lane
{
    my ($config) = @_;
    my $server = Playcount::Lane::server('On', songs => '1k', config => $config);
    my $client = Playcount::Client->new($server->port);
    return ($server, $client, sub { $client->request('GET', $_[0], again => 1)->{status} });
}

# Which of these the lane has to do with, the log says at the start.
sub is_in { my ($server, $name) = @_; like $server->error_log, qr/is answered by the lane/, $name }
sub is_out { my ($server, $why, $name) = @_; like $server->error_log, qr/stays out: .*$why/, $name }

for my $allow ('AllowOverride All', 'AllowOverride AuthConfig', 'AllowOverrideList Require') {
    my ($server, undef, $get) = lane("<Directory \"\@root\@/htdocs\">\n$allow\n</Directory>");
    is_out($server, 'lets \.htaccess files decide', "$allow: the lane stays out");
    is_deeply [map { $get->('/song/a') } 1 .. 20], [(200) x 20], 'songs are answered';
    Playcount::Server::spew($server->root . '/htdocs/.htaccess', "Require all denied\n");
    is $get->('/song/a'), 403, 'an .htaccess that appears denies them, on the same connection';
}

for my $section ('Directory "/"', 'Directory "@root@/htdocs"', 'DirectoryMatch "docs"',
    'Files "*"') {
    my ($name) = $section =~ /(\w+)/;
    my ($server, undef, $get) = lane(<<"EOT");
<$section>
    Require expr "%{REQUEST_URI} != '/song/bad'"
</$name>
EOT
    is_out($server, 'may decide otherwise for each request', "$section: the lane stays out");
    is_deeply [map { $get->('/song/good') } 1 .. 20], [(200) x 20], 'what is allowed';
    is $get->('/song/bad'), 403, 'what is not';
}

my ($server, undef, $get) = lane(<<'EOT');
<Directory "/usr/share">
    AllowOverride All
    Require expr "%{REQUEST_URI} != '/song/bad'"
</Directory>
<Directory "@root@">
    AllowOverride None
    Options None
    Require all granted
</Directory>
<FilesMatch "^\.ht">
    Require all denied
</FilesMatch>
EOT
is_in($server, 'directories that have nothing to do with it, and the usual ones');
is_deeply [map { $get->('/song/a') } 1 .. 20], [(200) x 20], 'songs are answered';
cmp_ok Playcount::Lane::numbers($server)->{Requests}, '>', 0, 'some of them by the lane';

done_testing;
