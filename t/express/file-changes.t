# What --reload-on-changes watches with: changes are told once and by name, however a file is
# written; new directories are watched too, whenever their files come, and one that was deleted
# and made again. By inotify and without it.
use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep);
use Playcount::Express;
use Playcount::Server;

BEGIN { require(Playcount::Express::program() =~ s{[^/]+$}{express/FileChanges.pm}r) }

sub below
{
    my ($dir) = @_;
    return "$dir/", map { -d $_ ? below($_) : $_ } glob "$dir/*";
}

# All that is told, by name, until all of these are.
sub told
{
    my ($watch, @names) = @_;
    my %told;
    Playcount::Server::wait_until("@names are told", sub {
        $told{ s{.*/}{}r }++ for $watch->wait(0.1);
        return !grep { !$told{$_} } @names;
    });
    return join ' ', map { $told{$_} > 1 ? "$_ ($told{$_} times)" : $_ } sort keys %told;
}

for my $how ('by inotify', 'without inotify') {
  SKIP: {
        skip 'liblinux-inotify2-perl is not installed', 6
            if $how eq 'by inotify' && !eval { require Linux::Inotify2 };
        local $ENV{PLAYCOUNT_EXPRESS_POLL} = $how eq 'without inotify';
        my $dir = File::Temp->newdir;
        Playcount::Server::spew("$dir/$_", 'before') for qw(one two);
        my $watch = FileChanges->new(sub { return below("$dir") }, sub { return 1 });

        Playcount::Server::spew("$dir/one", 'later on'); # of another size: times are not that fine everywhere
        is told($watch, 'one'), 'one', "$how: a file that is written";
        Playcount::Server::spew("$dir/three", 'before');
        rename "$dir/three", "$dir/two" or die $!;
        is told($watch, 'two'), 'two', 'a file that is replaced';
        mkdir "$dir/a" or die $!;
        Playcount::Server::spew("$dir/a/four", '');
        is told($watch, 'four'), 'four', 'a new file in a new directory';
        mkdir "$dir/b" or die $!;
        $watch->wait(0.6) for 1 .. 2;
        Playcount::Server::spew("$dir/b/five", '');
        is told($watch, 'five'), 'five', 'one that comes later';
        remove_tree("$dir/a");
        is told($watch, 'four'), 'four', 'a file that is deleted';
        mkdir "$dir/a" or die $!;
        $watch->wait(0.6) for 1 .. 2;
        Playcount::Server::spew("$dir/a/four", 'again');
        is told($watch, 'four'), 'four', 'and made again';
    }
}

done_testing;
