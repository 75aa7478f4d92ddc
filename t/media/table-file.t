# A table's file that is cut short under a running server costs the counting of listeners,
# and no child; root makes none where others may put links.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $n = 0;
sub get
{
    my ($server, $who, @options) = @_;
    Playcount::Media::curl($server, 'short.mp3', '-A', $who, @options);
    return (split / /, (Playcount::Media::lines($server, ++$n))[-1])[0];
}

my $server = Playcount::Media::server(start => 0, config => 'PlaycountMediaTable downloads=10 open=5 file=@root@/table/media');
my ($size) = Playcount::Media::make($server->root . '/htdocs', 'short.mp3');
my $dir = $server->root . '/table';
mkdir $dir or die $!;
SKIP: {
    skip 'only root is refused', 1 if $> != 0;
    chown scalar(getpwnam 'www-data'), -1, $dir;
    like $server->refusal, qr/PlaycountMediaTable \(.*\): file=\S+ is not safe to write to: \S+table belongs to www-data, who could/,
        'a directory of another user is refused to root';
    chown 0, -1, $dir;
}
$server->start;
is get($server, 'A'), 'played', 'a listener is counted';
my @children = $server->children;
truncate "$dir/media", 0 or die $!;
is get($server, "B$_"), 'full', 'once the file is cut short, no further one' for 1 .. 6;
is_deeply [$server->children], \@children, 'no child has ended';
like $server->error_log, qr/PlaycountMedia: \S+ is not counted: the table's file cannot be read or written: it was cut/,
    'the log says why';
is Playcount::Media::plays($server, '/short.mp3'), 1, 'there is no play more';
$server->graceful;
is get($server, 'C'), 'full', 'a graceful restart goes on';
like $server->error_log, qr/PlaycountMediaTable: file=\S+ cannot be read or written\. No further listener counts/,
    'and says it again';
$server->stop;
$server->start;
is get($server, 'A'), 'played', 'the next start makes it again';

# A table that a reload brings and that cannot be opened: httpd -t says so, and where nobody
# asked it, the server goes on without the table.
my $late = Playcount::Media::server(start => 0);
Playcount::Media::make($late->root . '/htdocs', 'short.mp3');
my $plain = Playcount::Server::slurp($late->root . '/conf/httpd.conf');
my $table = 'PlaycountMediaTable downloads=10 open=5 file=%s';
Playcount::Server::spew($late->root . '/conf/httpd.conf', $plain =~ s/^\s*PlaycountMedia On/"PlaycountMedia Off"/mre)
    if $plain =~ /^\s*PlaycountMedia On/m;
$late->start;
sub table { Playcount::Server::spew($late->root . '/conf/httpd.conf', "$plain\n" . sprintf("$table\n", $_[0])) }
my $other = $late->root . '/other';
Playcount::Server::spew($other, 'x' x 100);
for ([$late->root . '/nowhere/media', qr/cannot be opened or made; its directory must exist/],
    [$other, qr/was made for other numbers/])
{
    my ($path, $why) = @$_;
    table($path);
    my ($status, $said) = $late->check_config;
    isnt $status, 0, "$path: httpd -t refuses it";
    like $said, $why, 'and says why';
    $late->graceful;
    is $late->get('/short.mp3', headers => { 'User-Agent' => 'A' })->{status}, 200, 'a restart with it goes on serving';
    like $late->error_log, qr/the server goes on without the table; no listener counts/, 'and says so';
}
table($late->root . '/run/media');
$late->graceful;
$n = 0;
Playcount::Media::curl($late, 'short.mp3', '-A', 'B');
ok Playcount::Server::wait_until('the play', sub { Playcount::Media::plays($late, '/short.mp3') eq '1' }),
    'one that can be opened counts after the next restart';
done_testing;
