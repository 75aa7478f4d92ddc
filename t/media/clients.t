# Real clients: curl, wget, ffmpeg, a browser's <audio>. Who asks is httpd's answer: through
# a proxy that is trusted two listeners are two, and a forged X-Forwarded-For is nobody.
use strict;
use warnings;
use Test::More;
use Playcount::Browser;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

my $server = Playcount::Media::server(modules => [qw(remoteip env ratelimit)], config => <<'EOF');
AddType text/html .html
PlaycountMediaTypes audio/
RemoteIPHeader X-Forwarded-For
RemoteIPTrustedProxy 127.0.0.1
# As over a network: to a client of the same machine all goes at once, into the client's
# receive buffer of some megabytes.
<Location "/long.mp3">
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 500
    PlaycountMedia On seconds=20
</Location>
EOF
my $root = $server->root;
Playcount::Media::make("$root/htdocs", qw(cbr.mp3 long.mp3 audio.m4a));
Playcount::Server::spew("$root/htdocs/audio.html", <<'EOF');
<!doctype html><link rel="icon" href="data:,"><title>audio</title>
<button onclick="a.play()">play</button><audio id="a" src="/long.mp3"></audio>
<script>a.preload = new URLSearchParams(location.search).get('preload')</script>
EOF

# The verdicts on the deliveries of this User-Agent, when $code has run and they have come.
sub verdicts_of
{
    my ($agent, $path, $enough, $code) = @_;
    $code->();
    my @verdicts;
    Playcount::Server::wait_until("deliveries to $agent", sub {
        @verdicts = map { /^(\S+) .*"[^"]*\Q$agent\E[^"]*"$/ ? $1 : () }
            grep { / \Q$path\E / } split /\n/, Playcount::Server::slurp("$root/logs/media");
        return $enough->(@verdicts);
    });
    return "@verdicts";
}
my $some = sub { return scalar @_ };
sub program { system("@_ > /dev/null 2>&1") == 0 or die "@_: $?\n" }

is verdicts_of('curl/', '/cbr.mp3', $some, sub { Playcount::Media::curl($server, 'cbr.mp3', '-A', 'curl/7') }),
    'played', 'curl';
is verdicts_of('Wget/', '/cbr.mp3', $some, sub { program('wget -O /dev/null', $server->url('/cbr.mp3')) }),
    'played', 'wget';
Playcount::Server::spew("$root/part", substr Playcount::Server::slurp("$root/htdocs/cbr.mp3"), 0, 500_000);
is verdicts_of('Again/1', '/cbr.mp3', $some, sub {
        program("wget -U Again/1 -c -O $root/part", $server->url('/cbr.mp3')) }),
    'open', 'wget that goes on with a file, which is less than a minute';
is verdicts_of('Lavf', '/audio.m4a', sub { grep { $_ eq 'played' } @_ }, sub {
        program('ffmpeg -nostdin -i', $server->url('/audio.m4a'), '-f null -') }) =~ s/(?:open )*played(?: open| again)*/played/r,
    'played', 'ffmpeg';

# A browser, which shows its audio, and then one that plays it.
my $before = Playcount::Media::plays($server, '/long.mp3');
Playcount::Browser::run('../media/audio.mjs', url => $server->url('') =~ s{/$}{}r, seconds => 960);
unlike verdicts_of('Looks/1', '/long.mp3', $some, sub { }), qr/played/, 'what a page loads in advance is no play';
like verdicts_of('Plays/1', '/long.mp3', sub { grep { $_ eq 'played' } @_ }, sub { }), qr/^(?:open |probe )*played(?: again| open)*$/,
    'what it plays is one';
is Playcount::Media::plays($server, '/long.mp3') - $before, 1, 'one play';
unlike Playcount::Server::slurp("$root/logs/media"), qr{ /long\.mp3 .*Waits/1}, 'and with preload="none" nothing is fetched before';

# Addresses.
sub from
{
    my ($address, $agent, $forwarded) = @_;
    my @header = $forwarded ? ('-H', "X-Forwarded-For: $forwarded") : ();
    # Of this one: the browser's last connections may end only now.
    my $verdicts = sub { return map { /^(\S+) .*"\Q$agent\E"$/ ? $1 : () } Playcount::Media::lines($server, 0) };
    my $n = @{ [$verdicts->()] };
    Playcount::Media::curl($server, 'cbr.mp3', '-A', $agent, '--interface', $address, @header);
    Playcount::Server::wait_until("a line about $agent", sub { @{ [$verdicts->()] } > $n });
    return ($verdicts->())[-1];
}
is from('127.0.0.1', 'Phone/1', '198.51.100.1'), 'played', 'a listener behind a trusted proxy';
is from('127.0.0.1', 'Phone/1', '198.51.100.2'), 'played', 'another one behind it';
is from('127.0.0.1', 'Phone/1', '198.51.100.2'), 'again', 'the same';
is join(' ', map { from('127.0.0.1', 'Phone/2', "2001:db8:0:7::$_") } 1 .. 14), join(' ', 'played', ('again') x 13),
    'fourteen addresses of one /64';
is from('127.0.0.2', 'Phone/3'), 'played', 'one who comes himself';
is from('127.0.0.2', 'Phone/3', '198.51.100.3'), 'again', 'and pretends to be somebody else';
is from('127.0.0.2', 'Phone/3', '198.51.100.4'), 'again', 'and again';

done_testing;
