# `httpd -t` finds what would stop the server: a graceful restart, which asks it
# first, leaves the server as it is.
use strict;
use warnings;
use Test::More;
use Playcount::Handoff;
use Playcount::Server;

my $dbd = sqlite_dbd('/nowhere/plays.db');
my $server = Playcount::Server->new(start => 0, songs => 10, modules => ['dbd']);

for (['PlaycountUse nobody', qr/PlaycountUse nobody .*: there is no zone of this name/],
    ["<VirtualHost *:80>\nPlaycountUse nobody\n</VirtualHost>", qr/PlaycountUse nobody /],
    ["${dbd}PlaycountHandoff dbd zone=nobody", qr/PlaycountHandoff .*: there is no zone nobody/],
    ['PlaycountHandoff dbd', qr/needs a database; add DBDriver/]) {
    my ($config, $sentence) = @$_;
    $server->set_config($config);
    my ($status, $said) = $server->check_config;
    isnt $status, 0, "$config: httpd -t refuses it" =~ s/\n/ | /gr;
    like $said, $sentence, 'and says why';
}
for my $config ('', 'PlaycountUse default', "${dbd}PlaycountHandoff dbd") {
    $server->set_config($config);
    my ($status, $said) = $server->check_config;
    is $status, 0, "'$config' is right" =~ s/\n/ | /gr;
    like $said, qr/^Syntax OK$/, 'and nothing else is said';
}

done_testing;
