# export writes one whole listing, or leaves the file as it was.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount);
use Playcount::Misbehaving qw(request answer);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '10k');
my $url = $server->url;
my $file = "$dir/counts";
my %count = ('1' => 3, 'a,b=c%d e' => 2, '/x//y' => 1, "\xc3\xa9" => 9, '..' => 4);

sub entries { return join ',', map { "$_->[0]=$_->[1]" } @_ }
sub files { opendir my $d, $dir or die; return sort grep { !/^\./ } readdir $d }

my $run = playcount('-s', $url, 'export', $file);
is "$run->{status} $run->{out}", "0 0 plays of 0 songs were written\n", 'nothing to export';
is Playcount::Command::slurp($file), '', 'makes an empty file';

for my $id (sort keys %count) {
    $run = playcount('-s', $url, 'play', "--by=$count{$id}", '--', $id);
    is $run->{status}, 0, "play '$id'";
}
$run = playcount('-s', $url, 'export', '--json', $file);
is $run->{out}, qq({"songs":5,"plays":19,"carried_on":false}\n), 'the summary as JSON';
my $text = Playcount::Command::slurp($file);
is_deeply [sort split /\n/, $text],
    [sort '1=3', 'a%2Cb%3Dc%25d%20e=2', '/x//y=1', "\xc3\xa9=9", '..=4'], 'a line for each song';
is_deeply [files()], ['counts'], 'nothing else is left';
my $all = playcount('-s', $url, 'list')->{out};
is $text, $all, 'in the order of the listing';
is playcount('-s', $url, 'export', '-')->{out}, $all, 'the standard output';

# It goes back in, through import and through POST /songs.
$server->delete('/');
playcount('-s', $url, 'import', $file);
is playcount('-s', $url, 'list')->{out}, $all, 'import reads it';
$server->delete('/');
is $server->post('/songs', content => $text, headers => { 'Content-Type' => 'text/plain' })->{status},
    200, 'POST /songs reads it';
is playcount('-s', $url, 'list')->{out}, $all, 'with the same counts';

# A page that breaks off is asked for again.
my $mapping = 'Playcount-Mapping: 1-1';
my $whole = join '', map { "s$_=1\n" } 1 .. 5000;
my $breaks = Playcount::Misbehaving->new(sub {
    my ($socket, $n) = @_;
    request($socket) or return;
    my $answer = answer(200, join(',', map { "s$_=1" } 1 .. 5000), $mapping);
    print {$socket} $n <= 2 ? substr($answer, 0, 20000) : $answer;
});
$run = playcount('-s', $breaks->url, 'export', $file);
is $run->{status}, 0, 'a page that breaks off twice' or diag $run->{err};
is Playcount::Command::slurp($file), $whole, 'is whole in the end, each song once';

# One that never gets whole leaves the file alone.
my $full = join ',', map { "f$_=1" } 1 .. 32768;
for my $bad (
    ['breaks off', 3, sub { print { $_[0] } substr answer(200, 'x=1,' x 9999, $mapping), 0, 20000 }],
    ['is refused', 1, sub { print { $_[0] } answer(403, 'No') }],
    ['is malformed', 4, sub { print { $_[0] } answer(200, 'x=1,x', $mapping) }],
    ['names no mapping', 4, sub { print { $_[0] } answer(200, 'x=1') }],
    ['names too long a mapping', 4, sub { print { $_[0] } answer(200, 'x=1', 'Playcount-Mapping: ' . '1' x 64) }],
    ['is longer than a page', 4, sub { print { $_[0] } answer(200, "$full,x=1", $mapping) }],
) {
    my ($what, $status, $behaviour) = @$bad;
    my $never = Playcount::Misbehaving->new(sub { request($_[0]) and $behaviour->($_[0]) });
    $run = playcount('-s', $never->url, '--retries=1', 'export', $file);
    is $run->{status}, $status, "a listing that $what: exit status $status" or diag $run->{err};
    is Playcount::Command::slurp($file), $whole, 'the file is as it was';
    is_deeply [files()], ['counts'], 'nothing else is left';
    # Of two servers one is enough to spoil it.
    $run = playcount('-s', $url, '-s', $never->url, '--retries=1', 'export', $file);
    is $run->{status}, $status, "one of two servers $what: no export";
    like $run->{err}, qr/stopped after 5 songs; run the same command again to resume it/, 'what the other said stays';
    is Playcount::Command::slurp($file), $whole, 'the file is as it was';
    is_deeply [files()], [map { "counts$_" } '', '.playcount-export', '.playcount-export-state'],
        'beside it is what is resumed';
    unlink map { "$file.playcount-$_" } qw(export export-state);
}
for my $bad (
    ['breaks off', 3, sub { print { $_[0] } substr answer(200, 'x=1,' x 9999), 0, 20000 }],
    ['is refused', 1, sub { print { $_[0] } answer(403, 'No') }],
    ['is malformed', 4, sub { print { $_[0] } answer(200, 'x=1,x') }],
) {
    my ($what, $status, $behaviour) = @$bad;
    my $never = Playcount::Misbehaving->new(sub { request($_[0]) and $behaviour->($_[0]) });
    $run = playcount('-s', $never->url, '--retries=1', 'export', '-');
    is $run->{status}, $status, "on the standard output, a listing that $what: exit status $status";
    like $run->{err}, qr/listing is not whole/, 'it says that the listing is not whole';
}

# Where it cannot be written.
$run = playcount('-s', $url, 'export', "$dir/no/such");
is $run->{status}, 6, 'a directory that is not there: exit status 6';
like $run->{err}, qr{\Q$dir\E/no/such.*No such file}, 'it names the file';
$run = playcount({ stdout => '/dev/full' }, '-s', $url, 'export', '-');
is $run->{status}, 6, 'a full disk: exit status 6';
$run = playcount({ stdout => '/dev/full' }, '-s', $url, 'list');
is $run->{status}, 6, 'a full disk under list: exit status 6';
like $run->{err}, qr/could not be written/, 'it says so';

done_testing;
