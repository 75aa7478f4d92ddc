# A full disk stops the recording, not the serving; it is said once, and goes on when
# there is room. The metrics have how many requests were not recorded.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Playcount::Recorder;

plan skip_all => 'only root can mount a small disk' if $> != 0;
my $server = Playcount::Server->new(start => 0, processes => 2,
    modules => ['status'], config => <<'EOF');
PlaycountRecorder disk/records
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
<Location "/server-status">
    SetHandler server-status
</Location>
EOF
my $disk = $server->root . '/disk';
my $records = "$disk/records";
mkdir $disk or die $!;
my $mounted = `mount -t tmpfs -o size=1m,mode=755 playcount $disk 2>&1`;
plan skip_all => "no disk can be mounted here: $mounted" if $?;
END { system 'umount', '-l', $disk if defined $disk }
$server->start;

# Records, dropped, paused: as Prometheus, JSON and mod_status have them.
sub shown
{
    my @forms = (
        { $server->get('/metrics')->{content}
                =~ /^playcount_recorder_(\w+?)(?:_total)?\{directory="\Q$records\E"\} (\d+)$/mg },
        grep({ delete $_->{directory} eq $records }
            @{ JSON::PP::decode_json($server->get('/metrics?format=json')->{content})->{recorders} }),
        { map { lc } $server->get('/server-status?auto')->{content} =~ /^PlaycountRecorder(\w+): (\d+)$/mg },
    );
    $_->{paused} = $_->{paused} ? 1 : 0 for @forms;
    return @forms;
}

# Until this is true of all forms.
sub show
{
    my ($what, $is_so) = @_;
    ok Playcount::Server::wait_until($what, sub {
        my @forms = shown();
        return @forms == 3 && 3 == grep { $is_so->($_) } @forms;
    }), $what;
}
$server->get('/song/1');
Playcount::Server::wait_until('a record', sub { Playcount::Recorder::names($records) });

open my $file, '>', "$disk/filling" or die $!;
$file->autoflush(1);
1 while print {$file} 'x' x 4096;
close $file;
my %answers;
for (1 .. 20) {
    $server->hang_up;
    $answers{ $server->post('/song/1')->{status} }++;
}
is_deeply \%answers, { 200 => 20 }, 'requests are served on a full disk';
my $says = qr/PlaycountRecorder \(\S+\): \S+records cannot be written to; nothing is recorded/;
my $log = $server->wait_for_log($says);
like $log, qr/No space left on device.*$says/, 'the log says so, with the reason';
is scalar(() = $server->error_log =~ /cannot be written to/g), 1, 'once';
my $before = Playcount::Recorder::names($records);
show('the metrics say how many are missing', sub { $_[0]{dropped} >= 20 && $_[0]{paused} });
show('and how many are there', sub { $_[0]{records} == $before });
is scalar(Playcount::Recorder::names($records)), $before, 'no half of a record is there';

unlink "$disk/filling" or die $!;
# It is tried again with a request, after some seconds.
Playcount::Server::wait_until('it is recorded again', sub {
    $server->post('/song/again');
    return Playcount::Recorder::names($records) > $before;
});
like $server->wait_for_log(qr/can be written to again/),
    qr/records can be written to again; \d+ requests were not recorded/, 'the log says that too';
is scalar(() = $server->error_log =~ /cannot be written to/g), 1, 'and nothing else meanwhile';
show('and the metrics', sub { $_[0]{records} > $before && $_[0]{dropped} >= 20 && !$_[0]{paused} });
is $server->get('/song/1')->{content}, '20', 'every play is there';

# The directory is taken away.
rename $records, "$records.away" or die $!;
is $server->get('/song/1')->{status}, 200, 'without its directory it serves too';
$server->stop;
system 'umount', '-l', $disk;
undef $disk;

done_testing;
