# The log says at the start where the lane answers, and what keeps it out elsewhere:
# file, line and name.
use strict;
use warnings;
use Test::More;
use Playcount::Lane;

my $server = Playcount::Lane::server('On', start => 0, location => undef,
    modules => ['status', 'alias', 'rewrite', 'setenvif', 'headers', 'auth_basic',
        'authn_core', 'authn_file', 'authz_user']);
my $own = $server->{config};

# What the log says of the songs below /p with these lines in the server, in the location, and
# behind it.
sub said
{
    my ($lines, $inside) = @_;
    $server->set_config($own . "$lines\n<Location \"/p\">\nSetHandler playcount\n"
        . ($inside // '') . "\n</Location>\n");
    my $before = length($server->try_log // '');
    $server->start;
    my ($line) = substr($server->error_log, $before) =~ /PlaycountLane: (.*)/;
    $server->stop;
    return $line;
}
sub Playcount::Server::try_log { -e "$_[0]{root}/logs/error_log" ? $_[0]->error_log : '' }

like said(''), qr{^/p/song/ is answered by the lane$}, 'nothing in the way';
like said($_), qr{is answered}, "nor by: $_" for
    "Alias /q /tmp\nRedirect /old /new\nRewriteEngine On\nRewriteRule ^/q/ - [F]",
    "<Location /p/songs>\nRequire valid-user\n</Location>",
    "<LocationMatch ^/q/>\nRequire expr \"%{TIME_SEC} == 1\"\n</LocationMatch>";
like said('', $_), qr{is answered}, "nor by: $_" for
    'Require ip 127.0.0.1', "<Limit POST>\nRequire all denied\n</Limit>",
    q{Require expr "%{REQUEST_METHOD} != 'DELETE'"},
    q{Require expr %{REMOTE_ADDR} == '127.0.0.1' && !(%{HTTPS} == 'on')};

my %out = (
    "<Location /p/song/secret>\nRequire all denied\n</Location>" =>
        qr/:\d+: <Location \/p\/song\/secret> is about some songs/,
    "<LocationMatch /song/1>\n</LocationMatch>" => qr/<LocationMatch/,
    "RewriteEngine On\nRewriteRule ^/p - [F]" => qr/RewriteRule may be about songs/,
    "Redirect /p/song/1 /x" => qr/Redirect may be about songs/,
    "RequestHeader set X y" => qr/RequestHeader is not known to the lane/,
    "SetEnvIf Request_URI 1 x" => qr/SetEnvIf is not known/,
    "CustomLog logs/access_log %h" => qr/CustomLog wants every request in a log/,
);
like said($_), qr{^/p/song/: the lane stays out: .*$out{$_}}, "out: $_" for sort keys %out;
my %inside = (
    "AuthType Basic\nAuthName x\nAuthUserFile /dev/null\nRequire valid-user" => qr/AuthType is not known/,
    "<If true>\n</If>" => qr/<If/,
    'Require expr "%{TIME_SEC} > 30"' => qr/Require may decide otherwise/,
    q{Require expr "req('X') == 'y'"} => qr/Require may decide otherwise/,
    q{Require expr "-f '/tmp/x'"} => qr/Require may decide otherwise/,
    'Require env x' => qr/Require may decide otherwise/,
);
like said('', $_), qr{stays out: .*$inside{$_}}, "out: $_" for sort keys %inside;

# Unlogged.
$own =~ s/PlaycountLane On/PlaycountLane On unlogged/;
like said('CustomLog logs/access_log %h'), qr/is answered/, 'unlogged, in spite of an access log';
$server->set_config("PlaycountLane On logged\n");
my ($status, $output) = $server->check_config;
isnt $status, 0, 'another word is refused';
like $output, qr/PlaycountLane must be On, On unlogged, or Off/, 'with a sentence';

done_testing;
