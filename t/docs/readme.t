# What README shows is true: the curl session gives what it says, and the
# options of playcount-express and the directories are the ones that there are.
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
my %in_help = map { $_ => 1 } $output =~ /^  (--[a-z-]+|[a-z]+(?:-server)?)  /mg,
    $output =~ /^  (--[a-z-]+)/mg;
my ($manual) = $readme =~ /^## playcount-express\n(.*?)(?=^## )/ms;
my %in_readme = map { $_ => 1 } ($manual // '') =~ /^\| `(-?-?[a-z-]+)/mg;
is_deeply [sort keys %in_readme], [sort keys %in_help],
    'README and --help list the same commands and options';

# The layout.
my ($layout) = $readme =~ /^## Layout of the source\n(.*?)(?=^## )/ms;
for my $path (($layout // '') =~ /^    (\S+)/mg) {
    ok -e "$top$path", "$path is there";
}
for my $dir (glob "$top*/") {
    (my $name = $dir) =~ s{^\Q$top\E}{};
    next if $name =~ /^(build|playcount-server)\//;
    like $layout, qr/^    \Q$name\E /m, "$name is described";
}

done_testing;
