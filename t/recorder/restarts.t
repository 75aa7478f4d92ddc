# A graceful restart and a stop write what there is. What a killed child leaves is
# removed at the next start, and is never half a record.
use strict;
use warnings;
use Test::More;
use Playcount::Recorder;

for my $mpm (qw(event worker prefork)) {
    my $server = Playcount::Server->new(
        mpm => $mpm, processes => 2, config => "PlaycountRecorder records\n");
    my $dir = Playcount::Recorder::dir($server);
    my $n = 0;
    my $ask = sub { is $server->get("/song/$_")->{status}, 200, "request $_" for $n + 1 .. $n + 5; $n += 5 };

    $ask->();
    $server->graceful;
    is scalar(Playcount::Recorder::names($dir)), $n, "$mpm: all are there after a graceful restart";
    $ask->();
    $server->stop;
    is scalar(Playcount::Recorder::names($dir)), $n, "$mpm: and after a stop";
    is_deeply [glob "$dir/.writing-*"], [], "$mpm: and nothing else is";

    $server->start;
    $ask->();
    Playcount::Recorder::wait_for($server, $n);
    Playcount::Server::wait_until('a directory of each child', sub { 2 == (() = glob "$dir/.writing-*") });
    $server->kill9_all;
    my @left = glob "$dir/.writing-*";
    is scalar(@left), 2, "$mpm: killed children leave a directory each";
    # As if one had been killed while it wrote.
    my ($uid, $gid) = (stat $dir)[4, 5];
    my $half = "$left[0]/20261125T000000.000000Z-1-1-GET";
    mkdir $half or die $!;
    Playcount::Server::spew("$half/meta", 'half');
    chown $uid, $gid, $half, "$half/meta";
    $server->start;
    Playcount::Server::wait_until('they are removed', sub { !grep { -e } @left });
    pass "$mpm: which the next start removes";
    $ask->();
    Playcount::Recorder::wait_for($server, $n);
    # One child is killed: the others' directories stay.
    my ($child) = $server->children;
    $server->kill9_child($child);
    Playcount::Server::wait_until('its directory is removed', sub { !(() = glob "$dir/.writing-$child-*") });
    $ask->();
    is scalar(Playcount::Recorder::wait_for($server, $n)), $n, "$mpm: the others go on";
    is join(' ', sort { $a <=> $b } map { $_->{name} =~ /Z-(\d+)-/ } Playcount::Recorder::records($server)),
        join(' ', 1 .. $n), "$mpm: each has its number";
    is scalar(grep { !$_->{meta}{secrets} } Playcount::Recorder::records($server)), 0,
        "$mpm: all records are whole";
}

done_testing;
