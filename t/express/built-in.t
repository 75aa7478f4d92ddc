# Modules and the MPM that are part of httpd itself, as in one that is built from source, are
# not loaded from a file.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Playcount::Express;
use Playcount::Server;

my $dir = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
chmod 0755, "$dir";
my $httpd = Playcount::Server::httpd();
Playcount::Server::spew("$dir/apache2", <<"EOF");
#!/bin/sh
if [ "\$1" = -l ]; then
    $httpd -l
    printf '  event.c\\n  mod_status.c\\n'
    exit
fi
exec $httpd "\$@"
EOF
chmod 0755, "$dir/apache2";
local $ENV{PATH} = "$dir:$ENV{PATH}";
my $express = Playcount::Express->new;
my ($status, $output) = $express->run('setup-server');
is $status, 0, 'setup-server' or diag $output;
my $conf = Playcount::Server::slurp($express->root . '/httpd.conf');
like $conf, qr/^LoadModule authz_core_module /m, 'what is a file is loaded';
unlike $conf, qr/^LoadModule (?:mpm_event|status)_module /m, 'what is built in is not';
like $conf, qr/^LoadModule playcount_module /m, 'the module is loaded';

done_testing;
