# bash completes playcount's commands, options and their values.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount);

plan skip_all => 'no bash' if system('bash -c : 2> /dev/null') != 0;

my $dir = File::Temp->newdir;
mkdir "$dir/logs";
for my $name ('counts.txt', 'counts.old') { open my $file, '>', "$dir/$name" or die $! }

# What bash offers behind these words; the last one is unfinished.
sub offers
{
    my @words = @_;
    my $words = join ' ', map { "'$_'" } @words;
    my $script = <<"EOF";
. client/playcount.bash
cd '$dir' || exit 1
COMP_WORDS=($words) COMP_CWORD=$#words
_playcount
printf '%s\\n' "\${COMPREPLY[\@]}"
EOF
    open my $bash, '-|', 'bash', '-c', $script or die "bash: $!";
    my @offers = sort grep { length } map { chomp; $_ } <$bash>;
    return "@offers";
}

my @commands = playcount('--help')->{out} =~ /^  ([a-z]+)(?: [A-Z.\[\]_]+)*   /mg;
is offers('playcount', ''), join(' ', sort @commands), 'all commands that --help has';
is offers('playcount', 're'), 'replay reset', 'those that begin so';
is offers('playcount', '-s', 'http://x/', 'ex'), 'export', 'behind options, too';
is offers('playcount', '--ser'), '--server', 'options';
is offers('playcount', '--shard', ''), 'ketama modulo', 'values of options';
is offers('playcount', '--shard', '=', 'm'), 'modulo', 'also as bash takes --shard=m apart';
is offers('playcount', '--shard', '='), 'ketama modulo', 'and --shard=';
is offers('playcount', 'play', '--b'), '--by', 'options of one command';
is offers('playcount', 'get', '--b'), '', 'for this one only';
is offers('playcount', 'import', 'cou'), 'counts.old counts.txt', 'files';
is offers('playcount', 'get', 'cou'), '', 'no files for ids';

# Every option that --help names is offered somewhere.
my %named = map { $_ => 1 } playcount('--help')->{out} =~ /(--[a-z-]+)/g;
my %offered = map { $_ => 1 } map { split / /, offers('playcount', $_, '--') } @commands;
is_deeply [sort keys %offered], [sort keys %named], 'every option that --help has';

done_testing;
