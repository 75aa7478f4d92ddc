# --profiler writes a report and a flame graph at the stop, or says why not.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

my $express = Playcount::Express->new;
my $said = $express->temp . '/said';
my $logs = $express->root . '/logs';

sub run_and_ask
{
    my $pid = $express->spawn($said, $express->command('start-server', '--profiler', '--songs', '1k',
        '--processes', 2, '--threads', 4));
    Playcount::Server::wait_until('it serves', sub {
        return Playcount::Server::slurp($said) =~ /Ctrl-C stops it[^\0]*page/;
    });
    # perf may take a moment to begin; work until there are samples, or for long enough.
    Playcount::Server::wait_until('samples', sub {
        $express->get("/songs?top=10") for 1 .. 200;
        return Playcount::Server::slurp($said) =~ /No profile/ || (-s "$logs/profile.data" // 0) > 200_000;
    });
    kill 'INT', $pid;
    waitpid $pid, 0;
    is $?, 0, 'it stops';
    return Playcount::Server::slurp($said);
}

# As if there were none.
{
    my $bin = $express->temp . '/bin';
    mkdir $bin or die $!;
    symlink '/bin/sh', "$bin/sh" or die $!;
    local $ENV{PATH} = $bin;
    SKIP: {
        skip 'perf is where httpd is', 3 if grep { -x "$_/perf" } qw(/usr/sbin /usr/local/sbin);
        my $text = run_and_ask();
        like $text, qr/^No profile: there is no perf on this machine; install the package linux-perf\.$/m,
            'without perf a sentence says so';
        like $text, qr/^Stopped\.$/m, 'and it serves as ever';
    }
}
my ($perf) = grep { -x } map { "$_/perf" } split /:/, $ENV{PATH};
SKIP: {
    skip 'there is no perf', 5 unless $perf;
    my $text = run_and_ask();
    skip 'perf may not measure here', 4 if $text =~ /^No profile: perf may not measure here/m;
    like $text, qr/^Profile: \Q$logs\E\/profile, \Q$logs\E\/profile\.svg$/m, 'it says where the profile is';
    like Playcount::Server::slurp("$logs/profile"), qr/^ +\d+\.\d+% .*\n/m, 'the report has functions';
    my $svg = Playcount::Server::slurp("$logs/profile.svg");
    like $svg, qr/\A<svg .*<title>\S[^<]*: \d+ samples, [\d.]+%<\/title>.*<\/svg>\n\z/s, 'the graph has boxes';
    is scalar(() = $svg =~ /<g>/g), scalar(() = $svg =~ /<\/g>/g), 'and is whole';
}

my ($status, $output) = $express->run('start-server', '--profiler', '--background');
like $output, qr/--profiler and --background exclude each other/, 'in the background there is no stop to wait for';

done_testing;
