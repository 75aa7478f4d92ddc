# docs/directives.md describes every directive that the module has, as httpd's manual
# does, and no other; its examples are accepted; and README lists them all.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

(my $top = $INC{'Playcount/Server.pm'}) =~ s{t/lib/Playcount/Server\.pm$}{};
my $manual = Playcount::Server::slurp("${top}docs/directives.md");
my $readme = Playcount::Server::slurp("${top}README");
my $server = Playcount::Server->new(
    start => 0, location => undef, modules => ['dbd', 'setenvif', 'status']);
# Files that examples name.
Playcount::Server::spew($server->root . "/conf/$_->[0]", $_->[1])
    for ['crawler-user-agents.json', '[]'], ['no-listeners', "192.0.2.0/24\n"];

my $list = join ' ', map { "'$_'" } $server->command, '-L';
my %known = map { $_ => 1 } `$list` =~ /^(\w+) \(mod_playcount\.c\)/mg;
ok $known{PlaycountZone}, 'httpd -L lists the directives';

my %described = $manual =~ /^## (Playcount\w+)\n(.*?)(?=^## |\z)/msg;
my %listed = map { $_ => 1 } $readme =~ /^\| `(Playcount\w+)` \|/mg;
for my $directive (sort keys %known) {
    my $text = $described{$directive} // '';
    for my $item (qw(Syntax Default Context)) {
        like $text, qr/\*\*$item:\*\* \| *\S/, "$directive: $item";
    }
    like $text, qr/\*\*Syntax:\*\* \| *`$directive /, "$directive: its own syntax";
    my $example = join '', $text =~ /^    (.*\n)/mg;
    like $example, qr/$directive/, "$directive: an example";

    # Example paths are in directories that are not here.
    $example =~ s{/var/lib/playcount}{\@root\@/run}g;
    $example = "PlaycountZone staging\n$example" if $directive eq 'PlaycountUse';
    $server->set_config($example);
    my ($status, $output) = $server->check_config;
    is $status, 0, "$directive: which httpd accepts" or diag $output;
}
is_deeply [grep { !$known{$_} } sort keys %described], [], 'and no other';
is_deeply [sort keys %listed], [sort keys %known], 'README lists the same ones';

done_testing;
