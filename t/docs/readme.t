# What README and docs/ show is true: the curl session gives what it says, the options of
# playcount-express and the directories are the ones that there are, no link is broken.
use strict;
use warnings;
use Test::More;
use Playcount::Express;
use Playcount::Server;

(my $top = $INC{'Playcount/Server.pm'}) =~ s{t/lib/Playcount/Server\.pm$}{};
$top = './' if $top eq '';
my $readme = Playcount::Server::slurp("${top}README");

# The session.
my $express = Playcount::Express->new;
my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k');
is $status, 0, 'a server as make run starts it' or diag $output;
my ($session) = $readme =~ /^## A session\n.*?^```console\n(.*?)^```/ms;
my @steps = grep { /\S/ } split /^\$ /m, $session // '';
cmp_ok scalar(@steps), '>=', 8, 'there is a session';
my $url = $express->url('');
for my $step (@steps) {
    $step =~ s{http://127\.0\.0\.1:8000}{$url}g;
    my ($command, $shown) = split /\n/, $step, 2;
    is scalar(`$command`), $shown, $command;
}

# The commands and options of playcount-express.
(undef, $output) = $express->run('--help');
my %in_help = map { $_ => 1 } $output =~ /^  (--[a-z0-9-]+|[a-z]+(?:-server)?)(?: \[\S+\])?  /mg,
    $output =~ /^  (--[a-z0-9-]+)/mg;
my %in_docs = map { $_ => 1 }
    Playcount::Server::slurp("${top}docs/express.md") =~ /^\| `(-?-?[a-z0-9-]+)/mg;
is_deeply [sort keys %in_docs], [sort keys %in_help],
    'docs/express.md and --help list the same commands and options';
(my $page = Playcount::Server::slurp("${top}express/playcount-express.1")) =~ s/\\-/-/g;
($page) = $page =~ /^\.SH COMMANDS\n(.*?)^\.SH EXIT/ms;
my %in_page = map { $_ => 1 } $page =~ /^\.TP\n\.BI? (--[a-z0-9-]+|[a-z]+(?:-server)?)\b/mg;
is_deeply [sort keys %in_page], [sort keys %in_help], 'so does playcount-express(1)';

# The layout.
my ($layout) = Playcount::Server::slurp("${top}docs/ARCHITECTURE.md")
    =~ /^## The rooms\n(.*?)(?=^## )/ms;
for my $path (($layout // '') =~ /^    (\S+)/mg) {
    ok -e "$top$path", "$path is there";
}
for my $dir (glob "$top*/") {
    (my $name = $dir) =~ s{^\Q$top\E}{};
    next if $name =~ /^(build|playcount-server)\//;
    like $layout, qr/^    \Q$name\E /m, "$name is described";
}

# The links between the documents.
for my $file ("${top}README", "${top}SECURITY.md", glob "${top}docs/*.md") {
    (my $base = $file) =~ s{[^/]*$}{};
    my $text = Playcount::Server::slurp($file);
    my @broken = grep { !-e "$base$_" }
        map { s/#.*//r } grep { !/^(?:https?:|#)/ } $text =~ /\]\(([^)\s]+)\)/g;
    is_deeply \@broken, [], "the links in $file lead somewhere";
}
cmp_ok scalar(() = $readme =~ /\n/g), '<=', 220, 'README is a short page';

done_testing;
