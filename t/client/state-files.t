# What import, replay and export write beside a file never follows a link and never
# goes into a file of another user: the directory may be one that others can write to.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '1k');
my $url = $server->url;
my $victim = "$dir/victim";
my $listing = "$dir/listing";
my $out = "$dir/out";
my $dead = 'http://127.0.0.1:' . Playcount::Server::free_port() . '/';

sub spew { Playcount::Server::spew(@_) }
sub victim_is_whole { my ($what) = @_; is Playcount::Server::slurp($victim), 'precious', "$what: what the link shows is untouched" }

spew($victim, 'precious');
spew($listing, "a=1\n");

# A link where the new state is written is taken away, not followed.
symlink $victim, "$listing.playcount-import.new" or die;
my $run = playcount('-s', $url, 'import', '-q', $listing);
is $run->{status}, 0, 'a link where the state is written: imported' or diag $run->{err};
victim_is_whole('import');
symlink $victim, "$out.playcount-export-state.new" or die;
$run = playcount('-s', $url, 'export', '-q', $out);
is $run->{status}, 0, 'a link where the state of an export is written: exported' or diag $run->{err};
victim_is_whole('export');
is Playcount::Server::slurp($out), "a=1\n", 'the listing is whole';

# A link in place of what is read or continued is refused.
symlink $victim, "$listing.playcount-import" or die;
$run = playcount('-s', $url, 'import', '-q', $listing);
is $run->{status}, 6, 'a link in place of the state: refused';
like $run->{err}, qr/^playcount: \Q$listing\E\.playcount-import: it is a symbolic link, which is not followed$/m, 'it says why';
unlink "$listing.playcount-import";
symlink $victim, "$out.playcount-export" or die;
$run = playcount('-s', $url, 'export', '-q', $out);
is $run->{status}, 6, 'a link in place of the export: refused';
like $run->{err}, qr/symbolic link/, 'it says why';
victim_is_whole('export');
unlink "$out.playcount-export";

# So is a second name of another file, and what is not a file.
link $victim, "$out.playcount-export" or die;
$run = playcount('-s', $url, 'export', '-q', $out);
is $run->{status}, 6, 'a hard link: refused';
like $run->{err}, qr/not a regular file of the user/, 'it says why';
victim_is_whole('hard link');
unlink "$out.playcount-export";
system('mkfifo', "$listing.playcount-import") == 0 or die;
$run = playcount('-s', $url, 'import', '-q', $listing);
is $run->{status}, 6, 'a pipe in place of the state: refused at once';
unlink "$listing.playcount-import";

# A link in place of the target itself loses its name to the new file, as with mv.
unlink $out;
symlink $victim, $out or die;
$run = playcount('-s', $url, 'export', '-q', $out);
is $run->{status}, 0, 'a link in place of the target';
ok !-l $out, 'is replaced';
victim_is_whole('target');

SKIP: {
    my $other = getpwnam 'www-data';
    skip 'only root can give files away', 13 if $> != 0 || !defined $other;
    for my $case (["$listing.playcount-import", 'import', $listing], ["$out.playcount-export", 'export', $out]) {
        my ($state, @command) = @$case;
        spew($state, "a=1\n");
        chown $other, -1, $state;
        $run = playcount('-s', $url, @command);
        is $run->{status}, 6, "$command[0]: a file of another user: refused";
        is Playcount::Server::slurp($state), "a=1\n", 'and not written';
        unlink $state;
    }

    # A directory may be another user's. A link on the way to it may not.
    mkdir "$dir/theirs" or die;
    mkdir "$dir/secret" or die;
    spew("$dir/secret/listing", "a=1\n");
    symlink '../secret', "$dir/theirs/link" or die;
    chown $other, -1, "$dir/theirs";
    $run = playcount('-s', $url, 'export', '-q', "$dir/theirs/out");
    is $run->{status}, 0, 'an export into a directory of another user' or diag $run->{err};
    for my $case ([1, qr/theirs\/link is a link of www-data, who may change it; name what it leads to/],
        [0, qr/theirs\/link is a link in \S+theirs, which belongs to www-data; name what it leads to/]) {
        my ($is_theirs, $why) = @$case;
        system 'chown', '-h', $is_theirs ? $other : 0, "$dir/theirs/link";
        for my $command ('export', 'import') {
            $run = playcount('-s', $url, $command, '-q', "$dir/theirs/link/" . ($command eq 'export' ? 'out' : 'listing'));
            is $run->{status}, 6, "$command through a link of theirs: refused";
            like $run->{err}, $why, 'with the reason';
        }
    }
    is_deeply [glob "$dir/secret/*"], ["$dir/secret/listing"], 'nothing was written where it leads';
}

# What is left of an interrupted run is taken up as before.
$run = playcount('-s', $dead, '--retries=0', 'import', $listing);
is $run->{status}, 3, 'a server that is not there';
ok -f "$listing.playcount-import", 'leaves a state';
is playcount('-s', $dead, '--retries=0', 'import', $listing)->{status}, 3, 'which is read';

done_testing;
