# make uninstall takes away all that make install brought, and nothing else.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Server;

my $root = File::Temp->newdir('playcount-install-XXXXXX', DIR => '/tmp');

sub files { return [sort map { s{^\Q$root\E}{}r } split /\n/, qx(find $root ! -type d)] }
sub run_make
{
    my $said = qx(make -s $_[0] DESTDIR=$root PREFIX=/opt/playcount 2>&1);
    is $?, 0, "make $_[0]" or diag $said;
}

chomp(my $modules = qx(apxs -q LIBEXECDIR));
system("install -d $root$modules $root/opt/playcount/bin") == 0 or die;
my @others = ("$modules/mod_other.so", '/opt/playcount/bin/other');
Playcount::Server::spew("$root$_", '') for @others;

run_make('install');
my @installed = @{ files() };
my %is = map { $_ => 1 } @installed;
ok $is{$_}, $_ for "$modules/mod_playcount.so",
    map { "/opt/playcount/$_" } qw(bin/playcount bin/playcount-express share/man/man1/playcount.1
        lib/libplaycount.a share/doc/mod_playcount/httpd.conf.sample);
run_make('uninstall');
is_deeply files(), [sort @others], 'only what others installed is left';
is_deeply [grep { -d "$root$_" } map { "/opt/playcount/share/$_" } qw(playcount-express doc/mod_playcount)], [],
    'our own directories are gone, too';
run_make('uninstall');

done_testing;
