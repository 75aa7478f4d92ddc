# Wrong configuration stops the start with a sentence that names the directive,
# the value and what to do.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

my $directory = '/tmp/playcount-t-nowhere/deeper';
my @wrong = (
    ['PlaycountZone',                      'PlaycountZone needs a name first, .* such as: PlaycountZone default songs=1m'],
    ['PlaycountZone "a b"',                'PlaycountZone needs a name first, of letters'],
    ['PlaycountZone ' . 'x' x 64,          'PlaycountZone needs a name first, .* at most 63'],
    ['PlaycountZone a songs=0',            'PlaycountZone: songs=0 is not a number of songs; use 1 to 100m, such as songs=500k'],
    ['PlaycountZone a songs=',             'PlaycountZone: songs= is not a number of songs'],
    ['PlaycountZone a songs=-5',           'PlaycountZone: songs=-5 is not a number of songs'],
    ['PlaycountZone a songs=1g',           'PlaycountZone: songs=1g is not a number of songs'],
    ['PlaycountZone a songs=1.5m',         'PlaycountZone: songs=1.5m is not a number of songs'],
    ['PlaycountZone a songs=101m',         'PlaycountZone: songs=101m is not a number of songs'],
    ['PlaycountZone a songs=99999999999999999999', 'PlaycountZone: songs=9+ is not a number of songs'],
    ['PlaycountZone a songs=18446744073709m',      'PlaycountZone: songs=18446744073709m is not a number of songs'],
    ['PlaycountZone a sync=0',             'PlaycountZone: sync=0 is not a number of seconds; use 1 to 3600'],
    ['PlaycountZone a sync=3601',          'PlaycountZone: sync=3601 is not a number of seconds'],
    ['PlaycountZone a file=',              'PlaycountZone: file= is not a path; use one such as file=/'],
    ['PlaycountZone a song=5',             q(PlaycountZone: 'song=5' is not an option; use songs=N, file=PATH, sync=SECONDS or memory=reserve)],
    ['PlaycountZone a memory=some',        q(PlaycountZone: 'memory=some' is not an option)],
    ['PlaycountZone a memory=reserve file=a', 'PlaycountZone: memory=reserve is for zones in memory; a file has all its room'],
    ['PlaycountZone a 5',                  q(PlaycountZone: '5' is not an option)],
    ["PlaycountZone a\nPlaycountZone a",   'PlaycountZone: there is a zone a already, at \S+httpd\.conf:\d+; give this one another name'],
    ["PlaycountZone a file=run/z\nPlaycountZone b file=\@root\@/run/z",
        'PlaycountZone: file=\S+/run/z belongs to the zone a already; give b a file of its own'],
    ["<VirtualHost *:80>\nPlaycountZone a\n</VirtualHost>", 'PlaycountZone.* <VirtualHost>'],
    ["<Location />\nPlaycountZone a\n</Location>", 'PlaycountZone'],
    ['PlaycountUse nobody',                'PlaycountUse nobody \(\S+httpd\.conf:\d+\): there is no zone of this name; add PlaycountZone nobody'],
    ["<Location /x>\nPlaycountUse nobody\n</Location>", 'PlaycountUse nobody .* add PlaycountZone nobody'],
    ["<VirtualHost *:80>\nPlaycountUse nobody\n</VirtualHost>", 'PlaycountUse nobody .* add PlaycountZone nobody'],
    ['PlaycountUse',                       'PlaycountUse takes one argument'],
    ['PlaycountIdempotency x',             'PlaycountIdempotency'],
    ['PlaycountIdempotency 101m',          'PlaycountIdempotency'],
    ['PlaycountIdempotency 5 0',           'PlaycountIdempotency'],
    ['PlaycountIdempotency 5 x',           'PlaycountIdempotency'],
    ["PlaycountZone a file=$directory/z",  "PlaycountZone a .*file=$directory/z .*directory"],
    ['PlaycountZone a file=/tmp',          'PlaycountZone a .*file=/tmp .*put that right or name another file'],
    ['PlaycountZone a file=/proc/zone',    'PlaycountZone a .*file=/proc/zone '],
    ['PlaycountZone a file=conf/httpd.conf', 'PlaycountZone a .*file=\S+/conf/httpd.conf is not .*Nothing was changed'],
    ['Mutex posixsem playcount',           'Mutex posixsem cannot be used for playcount: .* Use Mutex pthread'],
    ['Mutex nonsense playcount',           'nonsense'],
);

my $server = Playcount::Server->new(start => 0);
for (@wrong) {
    my ($lines, $sentence) = @$_;
    (my $name = $lines) =~ s/\n/ | /g;
    unlink $server->root . '/logs/error_log';
    $server->set_config($lines);
    my $conf = Playcount::Server::slurp($server->root . '/conf/httpd.conf');
    my $said = $server->refusal // 'it started';
    like $said, qr/$sentence/, $name;
    is Playcount::Server::slurp($server->root . '/conf/httpd.conf'), $conf, '(the file is as it was)'
        if $lines =~ m{conf/httpd};
}

# What is right.
for my $lines ('PlaycountZone a songs=1', 'PlaycountZone a songs=5K sync=3600',
    "PlaycountZone A.b-c_9 songs=1M\nPlaycountZone a songs=10", 'PlaycountIdempotency 0',
    'PlaycountIdempotency 1k 1', "PlaycountZone a\nPlaycountUse a",
    "PlaycountUse a\nPlaycountZone a", 'PlaycountZone ' . 'x' x 63, 'PlaycountUse default') {
    $server->set_config($lines);
    (my $name = $lines) =~ s/\n/ | /g;
    is eval { $server->start; $server->post('/song/1')->{content} }, '1', $name;
    diag $@ if $@;
    $server->stop if $server->pid;
}

done_testing;
