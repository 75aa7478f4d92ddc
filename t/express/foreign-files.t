# playcount-express writes to nothing that somebody else could have put in its way: no link
# is followed, and a directory that others may write to is refused. As root above all.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

my $victim_text = "precious\n";

sub refused
{
    my ($express, $sentence, $what, @options) = @_;
    my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
        @options);
    is $status, 1, "refused: $what";
    like $output, $sentence, 'with a sentence';
    is scalar(() = $output =~ /\n/g), 1, 'on one line';
}

# Links where files are expected, in directories that are ours.
my $express = Playcount::Express->new;
my $root = $express->root;
my $victim = $express->temp . '/victim';
Playcount::Server::spew($victim, $victim_text);
mkdir $_ or die "$_: $!" for $root, map { "$root/$_" } qw(run logs htdocs);
symlink $victim, "$root/run/express.lock" or die $!;
refused($express, qr/cannot open .*express\.lock/, 'a link for the lock');
unlink "$root/run/express.lock";
symlink $victim, "$root/$_" or die $! for 'logs/start', 'httpd.conf.new', 'run/httpd.pid';
my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k');
is $status, 0, 'links for files that are written are replaced' or diag $output;
ok !-l "$root/$_", "$_ is a file" for 'logs/start', 'httpd.conf', 'run/httpd.pid';
is Playcount::Server::slurp($victim), $victim_text, 'what they led to is as it was';
$express->run('stop');

# Directories of others.
SKIP: {
    skip 'only root can give a directory away', 9 if $> != 0;
    my $uid = getpwnam 'www-data';
    for my $case (
        ['the root of another user', sub { chown $uid, -1, $_[0] }, qr/belongs to www-data/],
        ['a directory in it', sub { chown $uid, -1, "$_[0]/logs" }, qr/belongs to www-data/],
        ['a root that all may write to', sub { chmod 0777, $_[0] }, qr/others may write/],
    ) {
        my $other = Playcount::Express->new;
        mkdir $_ or die "$_: $!" for $other->root,
            map { $other->root . "/$_" } qw(run logs htdocs);
        $case->[1]->($other->root);
        refused($other, $case->[2], $case->[0]);
    }
}
my $other = Playcount::Express->new;
my $open = $other->temp . '/open';
mkdir $open;
chmod 0777, $open;
refused($other, qr/others may write/, 'a directory for the counts that all may write to',
    '--zone-file', "$open/counts");
mkdir "$open/below";
refused($other, qr/others may write/, 'and one below it', '--zone-file', "$open/below/counts");
chmod 01777, $open;
($status, $output) = $other->run('start-server', '--background', '--songs', '1k',
    '--zone-file', "$open/below/counts");
is $status, 0, 'a sticky one, like /tmp, is good' or diag $output;

done_testing;
