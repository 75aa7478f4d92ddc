package Playcount::Npm;

# Packages of npm that tests need, of one version each, kept for the next run.
#
#     my $dir = Playcount::Npm::packages('playwright-core@1.64.1', 'axe-core@4.11.0');
#
# is the directory with their node_modules.

use strict;
use warnings;
use Fcntl qw(LOCK_EX);
use File::Path qw(make_path);

sub packages
{
    my (@packages) = @_;
    my $name = join '+', map { s/\W+/-/gr } @packages;
    my $dir = ($ENV{XDG_CACHE_HOME} || ($ENV{HOME} || '/tmp') . '/.cache') . "/playcount/$name";

    return $dir if -e "$dir/complete";
    make_path($dir);
    # Several tests that run at a time want the same ones: one of them installs.
    open my $lock, '>', "$dir/lock" or die "$dir/lock: $!";
    flock $lock, LOCK_EX or die "$dir/lock: $!";
    return $dir if -e "$dir/complete";
    for (1 .. 3) { # a registry may be busy
        my @command = ('npm', 'install', '--no-audit', '--no-fund', '--omit=optional',
            '--prefix', $dir, @packages);
        next if system "cd '$dir' && @command > npm.log 2>&1";
        open my $mark, '>', "$dir/complete" or die "$dir/complete: $!";
        return $dir;
    }
    die "could not be installed with npm: @packages; see $dir/npm.log\n";
}

1;
