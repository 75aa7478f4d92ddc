# playcount-express writes to nothing that somebody else could have put in its way: no link
# is followed, and a directory that others may write to is refused. As root above all.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../../express";
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
$other->run('stop');

# What a path leads through, as in t/unit/a_path_that_others_can_bend_is_refused.c.
SKIP: {
    skip 'only root can make what is another user\'s', 1 if $> != 0;
    require SafePath;
    my $dir = $other->temp . '/paths';
    my $who = getpwuid 1;
    mkdir $_ or die "$_: $!" for $dir, map { "$dir/$_" } qw(ours ours/below foreign group all all/below sticky
        sticky/ours sticky/foreign);
    for (['ours/below/file', 0], ['ours/foreign', 1], ['sticky/file', 0], ['sticky/foreign-file', 1], ['sticky/named', 0]) {
        Playcount::Server::spew("$dir/$_->[0]", '');
        chown $_->[1], -1, "$dir/$_->[0]";
    }
    link "$dir/sticky/named", "$dir/ours/named" or die $!;
    for (['link', 'ours', 0], ['link-of-link', './link/../link', 0], ['foreign-link', 'ours', 1], ['link-to-foreign', 'foreign', 0],
        ['loop', 'loop', 0], ['sticky/link', '../ours', 0], ['ours/to-file', 'below/file', 0]) {
        symlink $_->[1], "$dir/$_->[0]" or die $!;
        system 'chown', '-h', $_->[2], "$dir/$_->[0]";
    }
    chown 1, -1, "$dir/foreign", "$dir/sticky/foreign";
    chmod 0775, "$dir/group";
    chmod 0777, "$dir/all";
    chmod 01777, "$dir/sticky";
    for (['ours/new'], ['ours//./below/../new'], ['ours/below/file'], ['link/new'], ['link-of-link/new'], ['ours/to-file'],
        ['sticky/new'], ['sticky/ours/new'], ['sticky/file'], ['ours/named'],
        ['foreign/new', "$dir/foreign belongs to $who, who could put links there; give it to root (chown root $dir/foreign)"],
        ['foreign/nowhere/new', "$dir/foreign belongs to $who"],
        ['link-to-foreign/new', "$dir/foreign belongs to $who"],
        ['foreign/../ours/new', "$dir/foreign belongs to $who"],
        ['group/new', "others may write into $dir/group and put links there; take that right away (chmod go-w $dir/group)"],
        ['all/below/new', "others may write into $dir/all and put links there"],
        ['foreign-link/new', "$dir/foreign-link is a link of $who, who may change it; name what it leads to"],
        ['sticky/link/new', "$dir/sticky/link is a link in $dir/sticky, into which others may write; name what it leads to"],
        ['sticky/foreign/new', "$dir/sticky/foreign belongs to $who"],
        ['ours/foreign', "$dir/ours/foreign belongs to $who; give it to root (chown root $dir/ours/foreign), or move it away"],
        ['sticky/foreign-file', "$dir/sticky/foreign-file belongs to $who"],
        ['sticky/named', "$dir/sticky/named has another name elsewhere, which others may have made; move it away"],
        ['loop/new', "$dir/loop/new leads through more than"]) {
        my ($path, $fault) = @$_;
        my $said = SafePath::fault("$dir/$path");
        is substr($said // 'safe', 0, length($fault // 'safe')), $fault // 'safe', "$path is " . ($fault ? 'refused' : 'safe');
    }
    is SafePath::fault($_), undef, "$_ is safe" for grep { -l } qw(/bin /lib /var/run /var/lock);

    # And what playcount-express makes of it.
    my $link = $other->temp . '/link';
    symlink $other->temp, $link or die $!;
    ($status, $output) = $other->run('start-server', '--background', '--songs', '1k', '--zone-file', "$link/counts");
    is $status, 0, 'a link of root\'s is followed' or diag $output;
    $other->run('stop');
    system 'chown', '-h', 'www-data', $link;
    refused($other, qr/is not safe to write to: \S+ is a link of www-data, .*choose another --zone-file/,
        'a link that another user may change', '--zone-file', "$link/counts");
    refused($other, qr/counts belongs to www-data; give it to root/, 'counts that are another user\'s', '--zone-file',
        do { my $path = $other->temp . '/counts'; chown scalar(getpwnam 'www-data'), -1, $path; $path });
    for my $log ($other->root . '/logs/error_log') {
        unlink $log;
        symlink $victim, $log or die $!;
        system 'chown', '-h', 'www-data', $log;
        refused($other, qr/error_log is a link of www-data/, 'a log that another user once made a link');
    }
    is Playcount::Server::slurp($victim), $victim_text, 'nothing was written through it';

    # The running server of another user: httpd -t would load what its configuration names.
    my $theirs = Playcount::Express->new;
    is +($theirs->run('start-server', '--background', '--songs', '1k'))[0], 0, 'a server';
    chown scalar(getpwnam 'www-data'), -1, $theirs->root;
    Playcount::Server::spew($theirs->root . '/httpd.conf', "LoadModule evil_module $dir/evil.so\n");
    ($status, $output) = $theirs->run('graceful');
    is $status, 1, 'graceful on the server root of another user is refused';
    like $output, qr/httpd\.conf may be another user's, whose modules httpd would load as you: \S+ belongs to www-data/,
        'before httpd has read it';
    is +($theirs->run('stop'))[0], 0, 'stop is not';
}

done_testing;
