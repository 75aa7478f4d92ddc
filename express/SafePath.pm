package SafePath;

# Paths that may be written to. Whoever may write into a directory can put a symbolic link
# where another directory or a file is expected: root would then overwrite what the link
# leads to. So a path is walked name by name, and each is judged; files are opened without
# following links. The rules and the words are those of path/path.h.

use strict;
use warnings;
use Errno ();
use Fcntl qw(O_CREAT O_EXCL O_NOFOLLOW O_RDWR O_WRONLY S_ISDIR S_ISLNK S_ISREG);
use File::Spec;

my $LINKS_MAX = 40;

sub user { return getpwuid($_[0]) // $_[0] }

# Others than root and us.
sub is_foreign { return $_[0] != 0 && $_[0] != $> }

# Others may write there; a group may where its only member is the owner anyway, but root
# takes no group's word.
sub is_shared { return $_[0] & ($> == 0 ? 0022 : 0002) }

# What is wrong with a directory, as lstat says it is.
sub directory_fault
{
    my ($dir, $mode, $uid) = @_;
    my $us = user($>);

    return "$dir belongs to " . user($uid) . ", who could put links there; give it to $us (chown $us $dir)"
        if is_foreign($uid);
    return "others may write into $dir and put links there; take that right away (chmod "
        . ($> == 0 ? 'go' : 'o') . "-w $dir)" if is_shared($mode) && !($mode & 01000);
    return;
}

# With a link in this directory.
sub link_fault
{
    my ($path, $uid, $dir) = @_;

    return "$path is a link of " . user($uid) . ', who may change it; name what it leads to'
        if is_foreign($uid);
    return "$path is a link in $dir, into which others may write; name what it leads to"
        if is_shared((lstat $dir)[2] // 0);
    return;
}

# With a file in this directory.
sub file_fault
{
    my ($path, $mode, $links, $uid, $dir) = @_;
    my $us = user($>);

    return "$path belongs to " . user($uid) . "; give it to $us (chown $us $path), or move it away"
        if is_foreign($uid);
    return "$path has another name elsewhere, which others may have made; move it away"
        if S_ISREG($mode) && $links > 1 && is_shared((lstat $dir)[2] // 0);
    return;
}

# What is wrong with this path, as far as it is there; nothing if it is safe.
sub fault
{
    my ($path) = @_;
    my @rest = ('/', grep { $_ ne '' } split m{/}, File::Spec->rel2abs($path));
    my ($at, $links) = ('', 0);

    while (@rest) {
        my $name = shift @rest;
        next if $name eq '.';
        if ($name eq '..') {
            $at =~ s{/[^/]*\z}{};
            next;
        }
        my ($dir, $next) = $name eq '/' ? ('', '/') : ($at || '/', "$at/$name");
        my ($mode, $names, $uid) = (lstat $next)[2, 3, 4] or return;
        my $fault = S_ISLNK($mode) ? link_fault($next, $uid, $dir)
            : S_ISDIR($mode) ? directory_fault($next, $mode, $uid)
            : file_fault($next, $mode, $names, $uid, $dir);
        return $fault if $fault;
        if (S_ISLNK($mode)) {
            return "$path leads through more than $LINKS_MAX links" if ++$links > $LINKS_MAX;
            my $to = readlink $next // return;
            $at = '' if $to =~ m{^/};
            unshift @rest, grep { $_ ne '' } split m{/}, $to;
            next;
        }
        $at = $name eq '/' ? '' : $next;
    }
    return;
}

# A new file in the place of whatever stands there; a handle, or nothing with $! set.
sub create
{
    my ($path) = @_;
    if (!unlink($path) && !$!{ENOENT}) {
        return;
    }
    sysopen my $file, $path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644 or return;
    return $file;
}

# A regular file to lock, made if it is not there.
sub open_lock
{
    my ($path) = @_;
    sysopen my $file, $path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600 or return;
    return $file if S_ISREG((stat $file)[2]);
    $! = Errno::EINVAL;
    return;
}

1;
