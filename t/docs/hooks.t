# docs/ARCHITECTURE.md lists every hook that the module registers, with its order and
# file, and no other; the tests that it names as holding the invariants are there.
use strict;
use warnings;
use File::Find;
use Test::More;
use Playcount::Server;

(my $top = $INC{'Playcount/Server.pm'}) =~ s{t/lib/Playcount/Server\.pm$}{};
$top = './' if $top eq '';
my $text = Playcount::Server::slurp("${top}docs/ARCHITECTURE.md");
my ($rooms) = Playcount::Server::slurp("${top}Makefile") =~ /^ROOMS\s*=\s*(.*)/m;

my %registered;
for my $file ("${top}mod_playcount.c", map { glob "$top$_/*.c" } split ' ', $rooms) {
    (my $name = $file) =~ s/^\Q$top\E//;
    my $code = Playcount::Server::slurp($file);
    while ($code =~ /\bap_hook_(\w+)\(\s*\w+,\s*\w+,\s*\w+,\s*APR_HOOK_(\w+)\)/g) {
        $registered{"$1 $2 $name"}++;
    }
    while ($code =~ /\bAPR_OPTIONAL_HOOK\(\s*\w+,\s*(\w+),\s*\w+,\s*\w+,\s*\w+,\s*APR_HOOK_(\w+)\)/g) {
        $registered{"$1 $2 $name"}++;
    }
    is scalar(() = $code =~ /\b(?:ap_hook_\w+\(|APR_OPTIONAL_HOOK\()/g),
        scalar(grep { / \Q$name\E$/ } map { ($_) x $registered{$_} } keys %registered),
        "$name: each registration was understood";
}
my %order = (F => 'FIRST', M => 'MIDDLE', L => 'LAST', R => 'REALLY_FIRST', RL => 'REALLY_LAST');
my %listed;
$listed{"$1 $order{$2} $3"}++ while $text =~ /^\| (\w+) \| (F|M|L|R|RL) \| `([^`]+)` \| *\S/mg;
is_deeply [sort keys %listed], [sort keys %registered], 'the table and the code agree';

my ($held) = $text =~ /^## Invariants\n(.*?)(?=^## |\z)/ms;
my @tests = $held =~ /`(t\/[^`]+)`/g;
cmp_ok scalar(@tests), '>=', 9, 'the invariants name their tests';
is_deeply [grep { !-e "$top$_" } @tests], [], 'which are there';

done_testing;
