# contrib/ for systemd, which says that it understands it.
use strict;
use warnings;
use Test::More;
use File::Copy qw(copy);
use File::Temp ();
use Playcount::Server;

my $dir = File::Temp->newdir('playcount-system-XXXXXX', DIR => '/tmp');

SKIP: {
    skip 'no systemd-analyze', 2 if system('systemd-analyze --version > /dev/null 2>&1') != 0;
    # An httpd that may write nowhere, but for what the drop-in says.
    Playcount::Server::spew("$dir/apache2.service",
        "[Unit]\nDescription=httpd\n[Service]\nExecStart=/bin/true\nProtectSystem=strict\n");
    mkdir "$dir/apache2.service.d";
    copy('contrib/apache2.service.d/playcount.conf', "$dir/apache2.service.d") or die "copy: $!";
    my $said = qx(SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify $dir/apache2.service 2>&1);
    is $?, 0, 'systemd takes the drop-in';
    is join('', grep { /playcount/ } split /^/, $said), '', 'and has nothing to say about it';
}

done_testing;
