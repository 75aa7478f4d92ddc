# The list of bots that others keep, crawler-user-agents of npm, is read as it is: each
# User-Agent that it gives as an example is one, and the players of podcasts are not.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Cpanel::JSON::XS ();
use Playcount::Npm;
use Playcount::Server;

my $list = Playcount::Npm::packages('crawler-user-agents@1.60.0')
    . '/node_modules/crawler-user-agents/crawler-user-agents.json';
my $entries = Cpanel::JSON::XS->new->utf8->decode(Playcount::Server::slurp($list));
cmp_ok scalar @$entries, '>', 1000, scalar @$entries . ' patterns';

# The judgement on each of these.
sub judged
{
    my ($lists, @agents) = @_;
    my $in = File::Temp->new;
    binmode $in, ':utf8';
    print {$in} map { "$_\n" } @agents;
    close $in;
    my @lines = split /\n/, `build/t/media/agents @$lists < @{[ $in->filename ]}`;
    is $?, 0, 'the list is read';
    is scalar @lines, scalar @agents, 'each is judged';
    return @lines;
}

my @examples = grep { !/\n/ } map { @{ $_->{instances} } } @$entries;
my @judged = judged([$list], @examples);
my @missed = grep { $judged[$_] eq 'listener' } 0 .. $#examples;
is scalar @missed, 0, scalar @examples . ' examples of bots are bots' or diag map { "$examples[$_]\n" } @missed;

my @players = split /\n/, <<'EOF';
AppleCoreMedia/1.0.0.22A3354 (iPhone; U; CPU OS 18_0 like Mac OS X; en_us)
AppleCoreMedia/1.0.0.17T84 (Apple Watch; U; CPU OS 6_1 like Mac OS X; en_us)
Podcasts/1650.20 CFNetwork/1333.0.4 Darwin/21.5.0
Overcast/3.0 (+http://overcast.fm/; iOS podcast app)
AntennaPod/3.4.0
Spotify/8.9.10 iOS/17.3 (iPhone14,5)
Castro 2024.1/1410
PocketCasts/1.0 (Pocket Casts Feed Parser; +http://pocketcasts.com/)
Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 Mobile/15E148 Safari/604.1
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36
Mozilla/5.0 (X11; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0
Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.73 Mobile Safari/537.36
VLC/3.0.20 LibVLC/3.0.20
AlexaMediaPlayer/2.1.4676.0 (Linux;Android 5.1.1) ExoPlayerLib/1.5.9
EOF
@judged = judged([], @players);
is_deeply [grep { $judged[$_] ne 'listener' } 0 .. $#players], [], 'players are listeners';
# Whose servers fetch feeds under the name of the app, as docs/media.md says.
@judged = judged([$list], @players);
is_deeply [map { "$judged[$_]: $players[$_]" } grep { $judged[$_] ne 'listener' && $players[$_] !~ /^(Overcast|PocketCasts)/ } 0 .. $#players], [],
    'for that list too, but for apps whose servers fetch feeds under the same name';

done_testing;
