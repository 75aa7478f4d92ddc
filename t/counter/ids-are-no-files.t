# An id is no file name: what it ends with says nothing of its type, and no files
# of similar names are looked for.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(songs => 100,
    modules => ['mime', 'negotiation', 'include', 'speling', 'dir', 'mime_magic'],
    config => <<'EOT');
TypesConfig /dev/null
AddType application/x-song .song
AddCharset utf-16 .song
AddEncoding x-gzip .gz
AddOutputFilter INCLUDES .shtml
MimeMagicFile @root@/htdocs/magic
CheckSpelling On
<Location />
    Options +MultiViews +Includes
    FallbackResource /elsewhere
</Location>
EOT
mkdir $server->root . '/htdocs/song';
Playcount::Server::spew($server->root . '/htdocs/song/a.html', 'a file');

for my $id ('a', 'b.song', 'c.tar.gz', 'd.shtml', 'e/f.html') {
    my $answer = $server->post("/song/$id");
    is "$answer->{status} $answer->{content}", '200 1', "a play of $id";
    is $answer->{headers}{'content-type'}, 'text/plain', 'is text';
    is $answer->{headers}{'content-encoding'}, undef, 'without an encoding';
}
is $server->get('/')->{content}, 'a=1,b.song=1,c.tar.gz=1,d.shtml=1,e/f.html=1', 'all are there';

done_testing;
