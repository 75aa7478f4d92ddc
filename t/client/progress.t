# Progress is shown on a terminal and nowhere else.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount run_program);
use Playcount::Server;

my $server = Playcount::Server->new(songs => '200k');
my $url = $server->url;
my $dir = File::Temp->newdir;
my $file = "$dir/listing";
Playcount::Server::spew($file, join '', map { "progress-$_=1\n" } 1 .. 150_000);

my ($script) = grep { -x } map { "$_/script" } split /:/, $ENV{PATH};
my ($program) = grep { -x } 'build/client/playcount';

# Run it on a terminal; what the terminal shows.
sub on_terminal
{
    return run_program($script, '-q', '-e', '-c', "$program -s $url @_", '/dev/null')->{out};
}

my $run = playcount('-s', $url, 'import', $file);
is $run->{err}, '', 'import: none without a terminal';
$run = playcount('-s', $url, 'export', "$dir/out");
is $run->{err}, '', 'export: none without a terminal';

SKIP: {
    skip 'no script(1)', 4 unless $script;
    my $shown = on_terminal('import', $file);
    like $shown, qr/\r\e\[K +\d+\.\d%  \d+ songs, \d+\/s/, 'import: on a terminal';
    like $shown, qr/\r\e\[K150000 plays of 150000 songs were added\r\n$/, 'and away when it is done';
    unlike on_terminal('--quiet', 'import', $file), qr/songs/, 'import --quiet: none';
    like on_terminal('export', "$dir/out"), qr/\r\e\[K\d+ songs, \d+\/s/, 'export: on a terminal';
}

done_testing;
