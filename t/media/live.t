# A play counts as soon as enough of the file was delivered, while the response is still on
# its way: somebody who reads a large file slowly is counted before it ends, and stays
# counted, once, when it does, when the client goes away and when the child is killed. Who
# stops before that is not counted. In clear and over TLS; whole and in a range. A replay of
# the log comes to the same, but for what a killed child has never logged.
use strict;
use warnings;
use Test::More;
use Playcount::Command qw(playcount);
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;
my $has_ssl = eval { require IO::Socket::SSL };
diag 'IO::Socket::SSL is not installed: nothing over TLS' unless $has_ssl;

my $BEYOND = 768 * 1024; # read of what is not needed: more than all buffers on the way

for my $mpm (split / /, $ENV{PLAYCOUNT_MPM} // 'event worker prefork') {
    my $server = Playcount::Media::server(mpm => $mpm, start => 0, modules => ['ssl']);
    my $root = $server->root;
    ok my $tls = $server->listen_tls, 'a certificate';
    my ($size) = Playcount::Media::make("$root/htdocs", 'long.mp3');
    $server->{config} .= <<"EOT";
LogFormat "%a %t \\"%r\\" %>s %B \\"%{User-Agent}i\\" %^Pv %^Px %^Pt \\"%^Pi\\"" replay
CustomLog logs/replay replay env=!playcount-skip
Timeout 600
EOT
    $server->write_config;
    $server->start;

    my $plays = 0;
    my $play_of = sub { Playcount::Media::plays($server, '/long.mp3') };
    my $need = 60 * 256_000 / 8;
    my $tag = 45; # bytes of the file's ID3 tag

    my $ask = sub {
        my ($who, $port, @headers) = @_;
        my $to = $port == $tls
            ? IO::Socket::SSL->start_SSL(Playcount::Media::connection($tls), SSL_verify_mode => 0)
                || die IO::Socket::SSL::errstr()
            : $port;
        return Playcount::Media::ask($to, '/long.mp3', $who, 'Connection: close', @headers);
    };
    my $read = \&Playcount::Media::take;
    my $line = sub {
        my ($who) = @_;
        my @found;
        Playcount::Server::wait_until("a line about $who", sub {
            @found = grep { /"\Q$who\E"$/ } split /\n/, Playcount::Server::slurp("$root/logs/media");
        });
        return $found[0];
    };
    my $in_log = sub { index(Playcount::Server::slurp("$root/logs/media"), qq("$_[0]")) >= 0 };
    my $counted = sub {
        my ($what) = @_;
        $plays++;
        ok Playcount::Server::wait_until("$what counts", sub { $play_of->() >= $plays }), "$mpm: $what counts";
        is $play_of->(), $plays, "$mpm: $what counts once";
    };

    for my $way (['in clear', $server->port], $has_ssl ? ['TLS', $tls] : ()) {
        my ($name, $port) = @$way;
        my $word = $name =~ s/\s//gr;
        for my $how (['whole', 0], ['range', 5_000_000]) {
            my ($kind, $begin) = @$how;
            my $who = "Slow/$word-$kind";
            my $socket = $ask->($who, $port, $begin ? "Range: bytes=$begin-" : ());
            $read->($socket, $need + $BEYOND);
            $counted->("$name, $kind, a slow reader");
            ok !$in_log->($who), "$mpm: $name, $kind: while it is on its way";
            $read->($socket, $size - $begin - $need - $BEYOND);
            close $socket;
            my ($verdict, $got, $enough) = split / /, $line->($who);
            is $verdict, 'played', "$mpm: $name, $kind: the log says that it has played";
            my ($first, $last) = $got =~ /^(\d+)-(\d+)$/;
            is $first, $begin || $tag, "$mpm: $name, $kind: from the first byte of media";
            is $last, $size - 1, "$mpm: $name, $kind: to the last that went out";
            cmp_ok abs($enough - $need), '<', 20_000, "$mpm: $name, $kind: so much is enough";
            is $play_of->(), $plays, "$mpm: $name, $kind: the end counts nothing";
        }

        my $socket = $ask->("Gone/$word", $port);
        $read->($socket, $need + $BEYOND);
        $counted->("$name, one that goes away");
        close $socket;
        my ($verdict, $got, $enough) = split / /, $line->("Gone/$word");
        is $verdict, 'played', "$mpm: $name: it stays counted";
        my ($last) = $got =~ /-(\d+)$/;
        cmp_ok $last, '>=', $enough, "$mpm: $name: it had enough: $got of $enough";

        $socket = $ask->("Half/$word", $port);
        $read->($socket, $need / 2);
        # Another is counted meanwhile: the server goes on.
        my $other = $ask->("Other/$word", $port);
        $read->($other, $need + $BEYOND);
        $counted->("$name, another");
        close $_ for $socket, $other;
        like $line->("Half/$word"), qr/^open /, "$mpm: $name: who stops before has not enough";
        like $line->("Other/$word"), qr/^played /, "$mpm: $name: and the other has";
        is $play_of->(), $plays, "$mpm: $name: so the one counts and the other does not";
    }

    my $run = playcount('replay', '--media', '--dry-run', "$root/logs/replay");
    like $run->{out}, qr{ /long\.mp3=\Q$plays\E$}m, "$mpm: a replay counts the same: $plays";

    my $socket = $ask->('Killed/1', $server->port);
    $read->($socket, $need + $BEYOND);
    $counted->('one before the kill');
    $server->kill9_child($_) for $server->children;
    close $socket;
    is $play_of->(), $plays, "$mpm: it is counted when the child is killed";
    Playcount::Media::curl($server, 'long.mp3', '-A', 'Killed/1');
    like $line->('Killed/1'), qr/^again /, "$mpm: the client that comes again was counted";
    is $play_of->(), $plays, "$mpm: and is not counted twice";
}

done_testing;
