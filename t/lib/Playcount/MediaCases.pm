# The rules of media as cases: what listeners ask for, and what the verdicts are. One table,
# for every way in which a delivery can go (t/media/rules.t).
#
#     Playcount::MediaCases::make($server);         # the files
#     for my $case (Playcount::MediaCases::cases()) { ... }
#
# A case:
#
#     name      what it says
#     file      which file is asked for, unless a request has a URL of its own
#     requests  lists of curl's options, one after the other. Without -A the listener is a
#               new one, the same one within the case. '@' stands
#               for something of the case's own
#     verdicts  the verdicts, in any order
#     front     the same for a proxy in front of the files that counts and can read none of
#               them: with PlaycountMediaBitrate 64
package Playcount::MediaCases;

use strict;
use warnings;
use HTTP::Tiny ();
use Playcount::Media;
use Playcount::Server;

my %size;
my $since;

sub make
{
    my ($server) = @_;
    my @files = qw(cbr.mp3 vbr.mp3 short.mp3 cover.mp3 audio.m4a);
    my $htdocs = $server->root . '/htdocs';
    @size{@files} = Playcount::Media::make($htdocs, @files);
    $since = HTTP::Tiny->new->_http_date((stat "$htdocs/cbr.mp3")[9]);
    Playcount::Server::spew("$htdocs/page.html", 'x' x 100_000);
}

sub from { return ('-H', "X-Forwarded-For: $_[0]") }
sub repeated { my ($n, $word) = @_; return join ' ', ($word) x $n }

# Fifty ranges of ten bytes, of which no two meet.
sub crumbs
{
    my ($n) = @_;
    return join ',', map { my $from = ($n * 50 + $_) * 200; "$from-" . ($from + 9) } 0 .. 49;
}

sub cases
{
    my $twentieth = int($size{'cbr.mp3'} / 20) + 1;
    my $half = int($size{'audio.m4a'} / 2);
    my $nine = int($size{'short.mp3'} / 2);
    return map { { front => $_->{verdicts}, file => 'cbr.mp3', %$_ } } (
        { name => 'a probe, all, and a part again', requests => [['-r', '0-1'], ['-r', '0-'], ['-r', '5000-']],
            verdicts => 'probe played again' },
        { name => 'a download manager takes it in twenty ranges', verdicts => repeated(11, 'open') . ' played ' . repeated(8, 'again'),
            requests => [map { ['-r', $twentieth * $_ . '-' . ($twentieth * ($_ + 1) - 1)] } 0 .. 19] },
        { name => 'two thousand ranges of ten bytes', verdicts => repeated(40, 'open'), front => repeated(40, '-'),
            requests => [map { ['-r', crumbs($_)] } 0 .. 39] },
        { name => 'forty of them one by one', verdicts => repeated(40, 'open'),
            requests => [map { ['-r', $_ * 1000 . '-' . ($_ * 1000 + 9)] } 1 .. 40] },
        { name => 'only 0-0', requests => [(['-r', '0-0']) x 2], verdicts => 'probe probe' },
        { name => 'what is fetched twice is one', requests => [(['-r', '0-299999']) x 3], verdicts => 'open open open' },
        { name => 'several ranges at once', verdicts => 'open played', front => '- open',
            requests => [['-r', '0-99,1000-250999'], ['-r', '300000-399999,400000-640000']] },
        { name => 'several that touch each other are all there', file => 'short.mp3', verdicts => 'open played',
            front => '- open', requests => [['-r', '0-999,1000-1999,3000-'], ['-r', '2000-2999']] },
        { name => 'several that overlap, backwards', file => 'short.mp3', verdicts => 'open played',
            front => '- open', requests => [['-r', '5000-,0-999,500-1999'], ['-r', '2000-4999']] },
        { name => 'the last bytes', requests => [['-r', '-100000']], verdicts => 'open' },
        { name => 'HEAD', requests => [['-I']], verdicts => 'skipped' },
        { name => 'not modified', requests => [['-H', "If-Modified-Since: $since"]], verdicts => 'skipped' },
        { name => 'the configuration says so', requests => [['-e', 'http://127.0.0.1/preview']], verdicts => 'skipped' },
        { name => 'a browser that prefetches', verdicts => 'prefetch prefetch prefetch', requests => [
            map { ['-H', "$_: prefetch"] } qw(Sec-Purpose Purpose X-Moz)] },
        { name => 'a missing file that is polled', file => 'missing.mp3', requests => [([]) x 3], verdicts => '- - -' },
        { name => 'a page', file => 'page.html', requests => [[]], verdicts => '-' },
        { name => 'a variable bitrate', file => 'vbr.mp3', requests => [[]], verdicts => 'played' },
        { name => 'the picture before the sound is none of it', file => 'cover.mp3', verdicts => 'open open',
            front => 'open played', requests => [['-r', '0-119999'], ['-r', '0-500000']] },
        { name => 'M4A in two halves', file => 'audio.m4a', verdicts => 'open played',
            requests => [['-r', "0-$half"], ['-r', ($half + 1) . '-']] },
        { name => 'nine seconds, whole', file => 'short.mp3', requests => [[]], verdicts => 'played' },
        { name => 'nine seconds, half of them', file => 'short.mp3', requests => [['-r', "0-$nine"]], verdicts => 'open' },
        { name => 'the query tells nobody apart', file => 'short.mp3?a=1', requests => [[], []], verdicts => 'played again' },
        # User-Agents
        { name => 'an empty User-Agent', requests => [['-H', 'User-Agent:']], verdicts => 'bot' },
        { name => 'a well-known bot', requests => [['-A', 'Googlebot/2.1 (+http://www.google.com/bot.html)']], verdicts => 'bot' },
        { name => 'the watch downloads for itself', verdicts => 'bot bot', requests => [
            ['-A', 'atc/1.0 watchOS/6.1.1 model/Watch4,4 hwp/t8006 build/17S445 (6; dt:191)'],
            ['-A', 'Podcasts/1430.46 (null)/(null) watchOS/6.1.1 model/Watch4,4']] },
        { name => 'the watch plays', verdicts => 'played', requests => [
            ['-A', 'AppleCoreMedia/1.0.0.17S84 (Apple Watch; U; CPU OS 6_0 like Mac OS X; en_us) (null)/(null) watchOS/6 @']] },
        # Addresses
        { name => 'fourteen addresses of one /64', verdicts => 'played ' . repeated(13, 'again'),
            requests => [map { [from("2001:db8:0:7::$_")] } 1 .. 14] },
        { name => 'two listeners behind a trusted proxy', verdicts => 'played played again',
            requests => [[from('198.51.100.1')], [from('198.51.100.2')], [from('::ffff:198.51.100.2')]] },
        { name => 'a forged X-Forwarded-For makes no other listener', verdicts => 'played again again again', requests => [
            map { [from($_)] } '198.51.100.3', map { "203.0.113.$_, 198.51.100.3" } 1 .. 3] },
        { name => 'nor without a proxy', verdicts => 'played again again', requests => [
            map { ['--interface', '127.0.0.2', from("198.51.100.$_")] } 4 .. 6] },
        { name => 'ten downloads by six User-Agents', verdicts => repeated(6, 'played') . ' ' . repeated(4, 'again'),
            requests => [map { [from('198.51.100.9'), '-A', '@/' . $_ % 6] } 1 .. 10] },
    );
}

1;
