# A zone whose file cannot be opened: httpd -t says so, a start ends with the reason on the
# terminal, and a graceful restart leaves the server serving all but that zone.
use strict;
use warnings;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Server;

my $server = Playcount::Server->new(location => undef, start => 0);
my $root = $server->root;
my $sites = <<'EOF';
PlaycountZone default songs=100 file=@root@/run/default
<Location "/plays">
    SetHandler playcount
    PlaycountUse default
</Location>
<Location "/metrics">
    SetHandler playcount-metrics
</Location>
EOF
my $other = <<'EOF';
PlaycountZone other songs=100 file=%s
<Location "/other">
    SetHandler playcount
    PlaycountUse other
</Location>
EOF

# What can be wrong with it.
Playcount::Server::spew("$root/run/text", 'x' x 10000);
mkdir "$root/run/directory" or die $!;
symlink "$root/run/nowhere", "$root/run/dangling" or die $!;
for (['no-such-directory/zone', qr/has no directory \S+no-such-directory to be in/],
    ['run/text',                qr/is not a file of mod_playcount/],
    ['run/directory',           qr/is not a file/],
    ['run/dangling',            qr/cannot be opened for reading and writing/]) {
    my ($path, $why) = @$_;
    $server->set_config($sites . sprintf $other, "\@root\@/$path");
    my ($status, $said) = $server->check_config;
    isnt $status, 0, "$path: httpd -t refuses it";
    like $said, qr/PlaycountZone other \(\S+:\d+\): file=\S+ $why/, 'names directive, line and file';
    ok !$server->try_start, 'it does not start';
    like $server->start_output, $why, 'with the reason on the terminal';
}
# What root must not write to.
SKIP: {
    skip 'only root can make what is another user\'s', 18 if $> != 0;
    my $uid = getpwnam 'www-data';
    my $dir = "$root/foreign";
    mkdir $dir or die $!;
    symlink "$root/run/text", "$root/run/link" or die $!;
    system 'chown', '-h', 'www-data', "$root/run/link";
    my $unsafe = qr/file=\S+ is not safe to write to: /;
    for (['foreign/zone', sub { chown $uid, -1, $dir },
            qr/$unsafe\S+foreign belongs to www-data, who could put links there; give it to root \(chown root \S+foreign\)/],
        ['foreign/zone', sub { chown 0, -1, $dir; chmod 0777, $dir },
            qr/${unsafe}others may write into \S+foreign and put links there; take that right away \(chmod go-w/],
        ['foreign/below/zone', sub { mkdir "$dir/below", 0755 }, qr/${unsafe}others may write into \S+foreign/],
        ['run/link', sub { },
            qr/$unsafe\S+link is a link of www-data, who may change it; name what it leads to/],
        ['run/middle/zone', sub { symlink '.', "$root/run/middle"; system 'chown', '-h', 'www-data', "$root/run/middle" },
            qr/$unsafe\S+middle is a link of www-data/],
        ['sticky/middle/zone', sub { mkdir "$root/sticky"; chmod 01777, "$root/sticky"; symlink '../run', "$root/sticky/middle" },
            qr/$unsafe\S+middle is a link in \S+sticky, into which others may write/],
        ['sticky/zone', sub { open my $file, '>', "$root/sticky/zone"; chmod 0666, $file; chown $uid, -1, $file },
            qr/$unsafe\S+sticky\/zone belongs to www-data; give it to root \(chown root \S+\), or move it away/]) {
        my ($path, $make, $why) = @$_;
        $make->();
        $server->set_config($sites . sprintf $other, "\@root\@/$path");
        my ($status, $said) = $server->check_config;
        isnt $status, 0, "$path: refused to root";
        like $said, $why, 'with the reason';
    }
    is -s "$root/sticky/zone", 0, 'what is another user\'s is left alone';
    symlink 'run', "$root/trusted" or die $!;
    $server->set_config($sites . sprintf $other, '@root@/trusted/other');
    is +($server->check_config)[0], 0, 'a link of root\'s is followed';
    $server->start;
    ok -f "$root/run/other", 'to where it leads';
    $server->stop;
    unlink "$root/run/other", "$root/run/default";
    chmod 01777, $dir;
    $server->set_config($sites . sprintf $other, '@root@/foreign/below/zone');
    my ($status, $said) = $server->check_config;
    is $status, 0, 'below a sticky directory it is right' or diag $said;
}
ok !-e "$root/run/default", 'nothing was made by looking';
is Playcount::Server::slurp("$root/run/text"), 'x' x 10000, 'or changed';
$server->set_config($sites . sprintf $other, '@root@/run/other');
my ($status, $said) = $server->check_config;
is $status, 0, 'a file that can be made is right' or diag $said;

# A graceful restart.
$server->set_config($sites);
$server->start;
Playcount::Server::spew("$root/htdocs/page", 'a page');
is $server->post('/plays/song/1')->{content}, '1', 'a server counts';
$server->set_config($sites . sprintf $other, '@root@/run/text');
($status) = $server->check_config;
isnt $status, 0, 'httpd -t finds the other zone beside the running server';
$server->graceful;
is $server->post('/plays/song/1')->{content}, '2', 'after a graceful restart it counts on';
is $server->get('/page')->{content}, 'a page', 'and serves';
for (['GET', '/other/song/1'], ['POST', '/other/song/1'], ['GET', '/other/'],
    ['DELETE', '/other/'], ['POST', '/other/handoff']) {
    my $answer = $server->request(@$_);
    is $answer->{status}, 503, "@$_: the other zone is unavailable";
    like $answer->{content}, qr/^The zone could not be opened .* error log says why\.$/, 'in a sentence';
    ok $answer->{headers}{'retry-after'}, 'that says when to try again';
}
my %zone = map { $_->{zone} => $_ }
    @{ Cpanel::JSON::XS->new->utf8->decode($server->get('/metrics?format=json')->{content})->{zones} };
ok !$zone{other}{available}, 'the metrics say so';
ok $zone{default}{available}, 'and that the first is there';
like $server->get('/metrics?format=prometheus')->{content},
    qr/^playcount_zone_available\{zone="other"\} 0$/m, 'Prometheus too';
my $log = Playcount::Server::slurp("$root/logs/error_log");
like $log, qr/PlaycountZone other \S+: file=\S+ is not a file of mod_playcount/, 'the log says why';
like $log, qr/PlaycountZone other \S+: the server goes on without this zone/, 'and what comes of it';

unlink "$root/run/text";
$server->graceful;
is $server->post('/other/song/1')->{content}, '1', 'once it can be opened it counts';
is $server->post('/plays/song/1')->{content}, '3', 'so does the first';

# A new zone that can have no lock.
$server->set_config($sites . "Mutex posixsem playcount\n" . ($other =~ s/other/third/gr =~ s/%s/\@root\@\/run\/third/r));
$server->graceful;
is $server->post('/third/song/1')->{status}, 503, 'a new zone that can have no lock is unavailable';
is $server->post('/plays/song/1')->{content}, '4', 'the others count on';

done_testing;
