# The command line: options, environment, configuration files, exit statuses,
# JSON, and where what is said.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Cpanel::JSON::XS ();
use Playcount::Command qw(playcount);
use Playcount::Server;

my $dir = File::Temp->newdir;
my $server = Playcount::Server->new(songs => '1k');
my $url = $server->url;
my $nobody = 'http://127.0.0.1:' . Playcount::Server::free_port() . '/';

sub conf { my ($name, $text) = @_; Playcount::Server::spew("$dir/$name", $text); return "$dir/$name" }
sub json { my ($text) = @_; return eval { Cpanel::JSON::XS->new->utf8->decode($text) } // "no JSON: $text" }

# Help.
my $run = playcount('--help');
is $run->{status}, 0, '--help';
like $run->{out}, qr/^Usage: playcount /, 'is on the standard output';
my @commands = $run->{out} =~ /^  ([a-z]+)(?: [A-Z.\[\]_]+)*   /mg;
is_deeply \@commands, [qw(get play list top reset import export replay bench monitor)], 'it names all commands';
is playcount('-V')->{out}, 'playcount ' . Playcount::Command::slurp('VERSION'), '--version';

# What is wrong with a command line: exit status 2, nothing on the standard output.
for my $case (
    [[], qr/which command/], [['fly'], qr/no command 'fly'/], [['get'], qr/at least one id/],
    [['list', 'x'], qr/what is 'x'/], [['top', '0'], qr/1 to 100000/], [['top', 'x'], qr/1 to 100000/],
    [['play', '--by=0', 'x'], qr/--by=0/], [['play', '--by=1000000001', 'x'], qr/--by/],
    [['play', '--by=x', 'x'], qr/--by=x/], [['get', '--by=1', 'x'], qr/get has no option --by/],
    [['--nonsense', 'list'], qr/nonsense/], [['--shard=random', 'list'], qr/ketama or modulo/],
    [['--timeout=0', 'list'], qr/--timeout=0/], [['--timeout=x', 'list'], qr/--timeout/],
    [['--retries=-1', 'list'], qr/--retries/], [['import'], qr/needs a file/],
    [['import', '--if-unsure=maybe', 'x'], qr/--if-unsure/], [['reset'], qr/--yes/],
    [['get', ''], qr/the id '' is empty/], [['get', "a\nb"], qr/control character/],
    [['get', "\xff"], qr/not UTF-8/], [['get', 'x' x 256], qr/longer than 255 bytes/],
    [['play', '1', ''], qr/the id '' is empty/], [['bench', '--work=fly'], qr/--work/],
    [['bench', '--connections=0'], qr/--connections/],
) {
    my ($arguments, $says) = @$case;
    $run = playcount('-s', $url, @$arguments);
    my $what = substr("playcount @$arguments", 0, 60) =~ s/[^ -~]/?/gr;
    is $run->{status}, 2, "$what: exit status 2";
    like $run->{err}, $says, 'says why';
    is $run->{out}, '', 'and nothing on the standard output';
}
is $server->get('/')->{content}, '', 'nothing of it was counted';

# Where the servers come from, and what comes first.
$run = playcount('get', '1');
is $run->{status}, 2, 'no server: exit status 2';
like $run->{err}, qr/which server\?/, 'and how to name one';
is playcount('get', '1', '-s', $url)->{out}, "0\n", 'an option may follow the command';
is playcount({ env => { PLAYCOUNT_SERVER => $url } }, 'get', '1')->{out}, "0\n", 'PLAYCOUNT_SERVER';
mkdir "$dir/home"; mkdir "$dir/home/.config"; mkdir "$dir/home/.config/playcount";
mkdir "$dir/xdg"; mkdir "$dir/xdg/playcount";
conf('home/.config/playcount/config', "server = $url\n");
is playcount({ env => { HOME => "$dir/home", XDG_CONFIG_HOME => '' } }, 'get', '1')->{out},
    "0\n", '~/.config/playcount/config';
conf('xdg/playcount/config', "# a comment\n\n  server=$url   # another\ntimeout = 5\nretries=0\nshard = modulo\n");
is playcount({ env => { XDG_CONFIG_HOME => "$dir/xdg" } }, 'get', '1')->{out}, "0\n",
    '$XDG_CONFIG_HOME/playcount/config';
is playcount({ env => { XDG_CONFIG_HOME => "$dir/xdg" } }, 'get', 'x')->{status}, 2, 'its shard is heeded';
is playcount({ env => { XDG_CONFIG_HOME => "$dir/xdg" } }, '--shard=ketama', 'get', 'x')->{status}, 0,
    'the command line comes before the file';
is playcount({ env => { XDG_CONFIG_HOME => "$dir/xdg", PLAYCOUNT_SERVER => $nobody } }, 'get', '1')->{status},
    3, 'the environment comes before the file';
is playcount({ env => { PLAYCOUNT_SERVER => $nobody } }, '-s', $url, 'get', '1')->{out}, "0\n",
    'the command line comes before the environment';
is playcount({ env => { PLAYCOUNT_SERVER => $url, PLAYCOUNT_SHARD => 'modulo' } }, 'get', 'x')->{status},
    2, 'PLAYCOUNT_SHARD';
is playcount({ env => { PLAYCOUNT_SERVER => $url, PLAYCOUNT_TIMEOUT => 'x' } }, 'get', 'x')->{status},
    2, 'PLAYCOUNT_TIMEOUT is checked';
$run = playcount({ env => { PLAYCOUNT_CONFIG => conf('two', "server = $url\nserver = $nobody\n") } },
    '--shard=modulo', '--retries=0', 'get', '0', '1');
is "$run->{status} $run->{out}", "5 0=0\n", 'PLAYCOUNT_CONFIG, with two servers';
for my $case (
    ["server $url\n", qr/line 1: it is not of the form/], ["\nsrever = $url\n", qr/line 2: there is no such setting/],
    ["timeout = soon\n", qr/line 1: it must be/], ["cacert = /none\n", qr/no such file/],
) {
    my ($text, $says) = @$case;
    $run = playcount({ env => { PLAYCOUNT_CONFIG => conf('bad', $text) } }, 'get', '1');
    is $run->{status}, 2, "a configuration with '" . ($text =~ tr/\n//dr) . "'";
    like $run->{err}, qr/^playcount: \Q$dir\E\/bad, $says|\Q$dir\E\/bad.*$says/, 'is refused by file and line';
}
$run = playcount({ env => { PLAYCOUNT_CONFIG => "$dir/none" } }, 'get', '1');
is $run->{status}, 6, 'a configuration file that is named must be there';

# get and play.
is playcount('-s', $url, 'play', '1')->{out}, "1\n", 'play';
is playcount('-s', $url, 'play', '1', '--by', '1000000000')->{out}, "1000000001\n", '--by';
is playcount('-s', $url, 'get', '1')->{out}, "1000000001\n", 'get';
is playcount('-s', $url, 'play', '5', '6', '5')->{out}, "5=2\n6=1\n5=2\n", 'play of many, one of them twice';
is playcount('-s', $url, 'get', '5', '6', '7')->{out}, "5=2\n6=1\n7=0\n", 'get of many';
is playcount('-s', $url, 'play', '--', '-s')->{out}, "1\n", 'an id with a dash';
is playcount('-s', $url, 'get', map { "n$_" } 1 .. 500)->{out}, join('', map { "n$_=0\n" } 1 .. 500), 'get of 500';

# JSON.
my $id = "a \"b\" \\ \xc3\xa9 \xf0\x9f\x8e\xb5";
is_deeply json(playcount('-s', $url, '--json', 'play', $id)->{out}),
    { do { my $i = $id; utf8::decode($i); $i } => 1 }, 'play --json';
is_deeply json(playcount('-s', $url, '--json', 'get', '1')->{out}), { 1 => 1000000001 }, 'get --json';
is_deeply json(playcount('-s', $url, '--json', 'get', '5', '6', '5')->{out}), { 5 => 2, 6 => 1 }, 'get of many --json';
my $all = json(playcount('-s', $url, '--json', 'list')->{out});
is_deeply [sort keys %$all], [sort '1', '5', '6', '-s', do { my $i = $id; utf8::decode($i); $i }], 'list --json';
is_deeply json(playcount('-s', $url, '--json', 'top', '2')->{out}),
    [{ song => '1', count => 1000000001 }, { song => '5', count => 2 }], 'top --json';
is_deeply json(playcount('-s', $url, '--json', 'reset', '-y')->{out}),
    { servers => [{ server => $url, reset => Cpanel::JSON::XS::true() }] }, 'reset --json';
is_deeply json(playcount('-s', $url, '--json', 'list')->{out}), {}, 'list --json of nothing';
is_deeply json(playcount('-s', $url, '--json', 'top')->{out}), [], 'top --json of nothing';

# A server that refuses, and a full one.
my $guarded = Playcount::Server->new(songs => '1', config => <<'EOF');
<Location />
    Require method GET POST
</Location>
EOF
$run = playcount('-s', $guarded->url, 'reset', '--yes');
is $run->{status}, 1, 'refused: exit status 1';
like $run->{err}, qr/answered 403/, 'says so';
playcount('-s', $guarded->url, 'play', 'a');
$run = playcount('-s', $guarded->url, 'play', 'b');
is $run->{status}, 1, 'full: exit status 1';
like $run->{err}, qr/answered 507.*full/, 'says so';
is playcount('-s', $guarded->url, 'play', 'a')->{out}, "2\n", 'the song that it knows goes on';

# A password.
my $basic = Playcount::Server->new(songs => '1k', start => 0, config => <<'EOF',
<Location />
    AuthType Basic
    AuthName counter
    AuthUserFile "@root@/users"
    Require valid-user
</Location>
EOF
    modules => ['auth_basic', 'authn_core', 'authn_file', 'authz_user']);
Playcount::Server::spew($basic->root . '/users', 'me:' . crypt('p@ss:1', '$1$saltsalt') . "\n");
$basic->start;
my $host = '127.0.0.1:' . $basic->port;
is playcount('-s', "http://$host/", 'get', '1')->{status}, 1, 'a server that wants a password';
$run = playcount('-s', "http://me:p%40ss%3A1\@$host/", 'get', '1');
is $run->{out}, "0\n", 'gets it from the address' or diag $run->{err};
$run = playcount('-s', "http://me:wrong\@$host/", 'get', '1');
is $run->{status}, 1, 'a wrong one is refused';
unlike $run->{err}, qr/wrong/, 'and not shown';

# A location that is not the root.
my $below = Playcount::Server->new(songs => '1k', location => '/plays');
is playcount('-s', $below->url('/plays'), 'play', 'x')->{out}, "1\n", 'a location, without a slash';
is playcount('-s', $below->url('/plays/'), 'list')->{out}, "x=1\n", 'and with one';

done_testing;
