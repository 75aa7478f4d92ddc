package SafePath;

# Paths that may be written to. Whoever may write into a directory can put a symbolic link
# where a file is expected: root would then overwrite what the link leads to. So every
# directory on the way must belong to root or to us, and be writable for nobody else unless
# it is sticky, like /tmp; and files are opened without following links.

use strict;
use warnings;
use Cwd qw(abs_path);
use Errno ();
use Fcntl qw(O_CREAT O_EXCL O_NOFOLLOW O_RDWR O_WRONLY S_ISREG);
use File::Basename qw(dirname);

# What is wrong with one directory; a group may write where its only member is the owner
# anyway, but root takes no group's word.
sub fault_of
{
    my ($dir) = @_;
    my (undef, undef, $mode, undef, $uid) = lstat $dir or return "there is no $dir";
    my $others = $> == 0 ? 0022 : 0002;

    return "$dir belongs to " . (getpwuid($uid) // "user $uid") if $uid != 0 && $uid != $>;
    return "others may write into $dir" if $mode & $others && !($mode & 01000);
    return;
}

# NULL, or what is wrong with this path or a directory above it, as far as they are there.
sub fault
{
    my ($path) = @_;

    $path = dirname($path) until -e $path || $path eq '/';
    for (my $dir = abs_path($path) // $path;; $dir = dirname($dir)) {
        my $fault = -d $dir ? fault_of($dir) : undef;
        return $fault if $fault;
        return if $dir eq '/';
    }
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
