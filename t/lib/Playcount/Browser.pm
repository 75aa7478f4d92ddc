package Playcount::Browser;

# Runs a script of t/page in Node with a real Chromium, which it drives by playwright-core;
# its TAP becomes part of the test's. The script gets its values as JSON in $VALUES.
#
#     Playcount::Browser::run('views.mjs', url => $server->url('/metrics'));

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Cpanel::JSON::XS ();
use Playcount::Npm;
use Playcount::Process;

my $PAGE = abs_path(dirname(__FILE__) . '/../../page');

sub chromium
{
    for my $name (qw(chromium-headless-shell chromium)) {
        return "/usr/bin/$name" if -x "/usr/bin/$name";
    }
    die "no Chromium: install chromium-headless-shell\n";
}

# Start it; a handle to read its lines from, and its process id.
sub start
{
    my ($script, %values) = @_;
    my $packages = Playcount::Npm::packages('playwright-core@1.64.1', 'axe-core@4.10.2');
    local $ENV{VALUES} = Cpanel::JSON::XS->new->encode({ chromium => chromium(), packages => $packages, %values });
    my $pid = open my $out, '-|', 'node', "$PAGE/$script" or die "node: $!";
    return ($out, Playcount::Process::adopt($pid));
}

# Hand its lines on, one "ok" for each; returns what it printed after "SAY ".
sub run
{
    my ($script, %values) = @_;
    my $act = delete $values{act} // {};
    my ($out) = start($script, %values);
    my $builder = Test::More->builder;
    my $done = 0;

    while (my $line = <$out>) {
        if ($line =~ /^(not )?ok (.*)/) {
            $builder->ok(!$1, $2);
        }
        elsif ($line =~ /^DO (\w+)$/) {
            $act->{$1}->();
        }
        elsif ($line =~ /^done$/) {
            $done = 1;
        }
        else {
            $builder->diag($line);
        }
    }
    close $out;
    $builder->ok($done && $? == 0, "$script came to its end");
}

1;
