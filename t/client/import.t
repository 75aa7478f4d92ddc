# import adds a listing to the counts, once, however often it is interrupted.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Time::HiRes qw(sleep);
use Playcount::Command qw(playcount start_program wait_program kill_until has_said);
use Playcount::Misbehaving qw(request answer forward);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '600k', zone_file => 1);
my $url = $server->url;

sub write_file { my ($name, $text) = @_; Playcount::Server::spew("$dir/$name", $text); return "$dir/$name" }
sub count { return $server->get("/song/$_[0]")->{content} }
sub sum_of { my $sum = 0; $sum += $_ % 7 + 1 for 1 .. $_[0]; return $sum }
sub state_of { return "$_[0].playcount-import" }

# The forms that it reads.
my $file = write_file('forms', "1=1,5=2\na%2Cb=3\n%25=4,c/d=5,1=10\n");
my $run = playcount('-s', $url, 'import', $file);
is "$run->{status} $run->{out}", "0 25 plays of 6 songs were added\n", 'commas and newlines'
    or diag $run->{err};
is $server->get('/')->{content}, '1=11,5=2,a%2Cb=3,%25=4,c/d=5', 'what is in the file is counted';
ok !-e state_of($file), 'nothing is left beside it';
$run = playcount('-s', $url, 'import', '--json', $file);
is $run->{out}, qq({"songs":6,"plays":25,"carried_on":false}\n), 'the same file counts again, when asked again';
is count('5'), 4, 'it did';
$run = playcount({ stdin => '5=1,6=0' }, '-s', $url, 'import', '-q', '-');
is "$run->{status} $run->{out}", '0 ', 'the standard input; quiet';
is count('5'), 5, 'is counted';
is count('6'), 0, 'a count of 0 adds nothing';
$run = playcount('-s', $url, 'import', write_file('empty', ''));
is "$run->{status} $run->{out}", "0 0 plays of 0 songs were added\n", 'an empty file';

# What cannot be read is not counted.
for my $bad ('5=1,7', '5=1,7=x', '5=1,7=-1', '5=1,=1', '5=1,%zz=1', "5=1,\xff=1", '5=1,,7=1',
    '5=1,7=9223372036854775808', '5=1,', "5=1\n\n7=1", '5=1, ,7=1', 'a= 1')
{
    my $path = write_file('bad', $bad);
    $run = playcount('-s', $url, 'import', $path);
    (my $shown = $bad) =~ s/[^ -~]/?/g;
    is $run->{status}, 6, "'$shown' is no listing";
    like $run->{err}, qr/^playcount: \Q$path\E: entry \d of the part from byte 0: /, 'it says where';
    ok !-e state_of($path), 'nothing was begun';
}
is count('5'), 5, 'nothing of it is counted';

# A byte order mark, CRLF, and blanks around entries.
for my $good ("\xef\xbb\xbf8=1,9=1", "8=1\r\n9=1\r\n", "8=1, 9=1", " 8=1 ,\t9=1\t\r\n", "\xef\xbb\xbf8=1\r\n9=1") {
    $run = playcount('-s', $url, 'import', write_file('good', $good));
    (my $shown = $good) =~ s/[^ -~]/?/g;
    is $run->{out}, "2 plays of 2 songs were added\n", "'$shown'" or diag $run->{err};
}
is join(' ', count('8'), count('9')), '5 5', 'is the same as without them';
is count('%EF%BB%BF8'), 0, 'and no other song';
for my $empty ("\n", "\r\n", "\xef\xbb\xbf", "\xef\xbb\xbf\r\n") {
    $run = playcount('-s', $url, 'import', write_file('empty', $empty));
    is $run->{out}, "0 plays of 0 songs were added\n", 'only a mark or a newline' or diag $run->{err};
}
playcount('-s', $url, 'import', write_file('blank', "%20b=1,b c=2\n"));
is count('%20b'), 1, 'an encoded blank at the beginning belongs to the id';
is count('b%20c'), 2, 'so does one in the middle';
$run = playcount('-s', $url, 'import', "$dir/none");
is $run->{status}, 6, 'no such file';
like $run->{err}, qr/\Q$dir\E\/none: No such file/, 'it says so';

# Killed again and again.
my $songs = 300_000;
my $big = write_file('big', join '', map { "song-number-$_=" . ($_ % 7 + 1) . "\n" } 1 .. $songs);
(my $killed, $run) = kill_until(\&has_said, state_of($big), '-s', $url, 'import', $big);
cmp_ok $killed, '>', 0, "killed $killed times in the middle";
$run = playcount('-s', $url, 'import', $big) if -e state_of($big);
is $run->{out}, sum_of($songs) . " plays of $songs songs were added\n",
    'and carried on to the end' or diag "$run->{status} $run->{err}";
ok !-e state_of($big), 'nothing is left';
my $listing = $server->get('/');
my %count = map { split /=/ } split /,/, $listing->{content};
my @wrong = grep { ($count{"song-number-$_"} // 0) != $_ % 7 + 1 } 1 .. $songs;
is scalar @wrong, 0, "each of $songs songs is counted once" or diag "$listing->{status} ",
    length $listing->{content}, " bytes; from $wrong[0] to $wrong[-1]: ",
    join ' ', map { "$_=" . ($count{"song-number-$_"} // 'none') } @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)];

# The server is killed, too, and answers are lost.
my $open = "$dir/open";
my $proxy = Playcount::Misbehaving->new(sub {
    my ($socket, $n) = @_;
    while (my $request = request($socket)) {
        my $answer = forward($request, $server->port);
        return if !-e $open && $n % 2;
        print {$socket} $answer;
        return;
    }
});
my $medium = write_file('medium', join '', map { "m$_=$_\n" } 1 .. 200_000);
for (1 .. 3) {
    $run = playcount('-s', $proxy->url, '--retries=0', 'import', $medium);
    is $run->{status}, 3, 'an answer is lost';
    like $run->{err}, qr/the connection broke.*\n.*stopped at byte \d+; run the same command again to resume it/,
        'it says how to go on';
    $server->kill9_all;
    $server->start;
}
Playcount::Server::spew($open, '');
$run = playcount('-s', $proxy->url, 'import', '--json', $medium);
is $run->{out}, qq({"songs":200000,"plays":20000100000,"carried_on":true}\n),
    'carried on; the sum is that of all' or diag $run->{err};
%count = map { split /=/ } split /,/, $server->get('/')->{content};
is scalar(grep { ($count{"m$_"} // 0) != $_ } 1 .. 200_000), 0, 'each song is counted once';

# A signal.
my $stuck = Playcount::Misbehaving->new(sub {
    my $request = request($_[0]);
    my $answer = forward($request, $server->port);
    sleep 1000 unless -e "$dir/go";
    print { $_[0] } $answer;
});
my $small = write_file('small', "s1=1\ns2=2\n");
my $started = start_program('client/playcount', '-s', $stuck->url, '--timeout=3600', 'import', $small);
Playcount::Server::wait_until('the batch', sub { count('s2') eq '2' });
$run = playcount('-s', $stuck->url, 'import', $small);
is $run->{status}, 6, 'a second import of a file that is being imported';
like $run->{err}, qr/another run of this file is in progress/, 'is refused';
kill 'INT', $started->{pid};
$run = wait_program($started);
is $run->{status}, 130, 'SIGINT: exit status 130';
like $run->{err}, qr/interrupted\n.*resume it/, 'and how to go on';
ok -e state_of($small), 'the state is kept';

# Other servers, another file.
$run = playcount('-s', $url, 'import', $small);
is $run->{status}, 2, 'other servers than before are refused';
like $run->{err}, qr/used other servers/, 'it says so';
write_file('small', "s1=1\ns2=3\n");
$run = playcount('-s', $stuck->url, 'import', $small);
is $run->{status}, 6, 'a file that has changed is refused';
like $run->{err}, qr/has changed/, 'it says so';
write_file('small', "s1=1\ns2=2\ns3=3\n");
my $state = Playcount::Command::slurp(state_of($small));

# Long ago.
(my $old = $state) =~ s/^(chunk .*) (\d+)$/"$1 " . ($2 - 90000)/me;
write_file('small.playcount-import', $old);
$run = playcount('-s', $stuck->url, 'import', $small);
is $run->{status}, 2, 'what was interrupted long ago is not sent again without being told';
like $run->{err}, qr/--if-unsure=again/, 'it says how';
is count('s2'), 2, 'nothing is counted';

# Lines that were added to the file while it was interrupted are counted, too.
Playcount::Server::spew("$dir/go", '');
write_file('small.playcount-import', $state);
$run = playcount('-s', $stuck->url, 'import', $small);
is $run->{status}, 0, 'carried on' or diag $run->{err};
is join(' ', map { count("s$_") } 1 .. 3), '1 2 3', 'each is counted once, and the new line';

# --if-unsure=skip leaves the part in doubt out.
$old =~ s/^run (.*)$/'run ' . reverse $1/me;
write_file('small.playcount-import', $old);
$run = playcount('-s', $stuck->url, 'import', '--if-unsure=skip', $small);
is $run->{status}, 0, '--if-unsure=skip';
is join(' ', map { count("s$_") } 1 .. 3), '1 2 6', 'leaves the part in doubt out';
$old =~ s/^run (.)(.*)$/run $2$1/m;
write_file('small.playcount-import', $old);
$run = playcount('-s', $stuck->url, 'import', '--if-unsure=again', $small);
is $run->{status}, 0, '--if-unsure=again';
is join(' ', map { count("s$_") } 1 .. 3), '2 4 9', 'sends it again';
write_file('small.playcount-import', "rubbish\n");
$run = playcount('-s', $stuck->url, 'import', $small);
is $run->{status}, 6, 'a state file that cannot be read is refused';

# A full zone: the import stops, and says so.
my $tiny = Playcount::Server->new(songs => '2');
$run = playcount('-s', $tiny->url, 'import', write_file('three', "a=1\nb=1\nc=1\n"));
is $run->{status}, 1, 'a full zone: refused';
like $run->{err}, qr/answered 507/, 'it says so';
is $tiny->get('/')->{content}, '', 'and of that part nothing is counted';

done_testing;
