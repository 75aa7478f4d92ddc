# Where others could put links, nothing is recorded: the start is refused, in words. What
# can be wrong with the directive is said by httpd -t.
use strict;
use warnings;
use Test::More;
use Playcount::Recorder;

my $server = Playcount::Server->new(start => 0);
my $root = $server->root;
my ($uid, $gid) = $> ? ($>, $)) : (getpwnam 'www-data')[2, 3];

sub refused
{
    my ($directive, $pattern, $name) = @_;
    $server->set_config("$directive\n");
    my ($status, $output) = $server->check_config;
    isnt $status, 0, "$name: httpd -t refuses it";
    like $output, $pattern, 'and says why';
}

my $where = qr/PlaycountRecorder \(\S+httpd\.conf:\d+\): /;
refused('PlaycountRecorder records max-body=17m', qr/max-body=17m is not a number of bytes/,
    'max-body');
refused('PlaycountRecorder records keep=0', qr/keep=0 is not a number of requests/, 'keep');
refused('PlaycountRecorder records secrets=yes', qr/neither secrets=mask nor secrets=keep/,
    'secrets');
refused('PlaycountRecorder records "when=%{"', qr/when=%\{ is no valid expression/, 'when');
refused('PlaycountRecorder records mode=all', qr/does not know "mode=all"; after DIR it takes/,
    'an option that there is not');
refused('PlaycountRecorder', qr/name the directory for the records, or Off/, 'nothing');
refused('PlaycountRecorder none/records', qr/${where}\S+ is in \S+none, which is no directory/,
    'a directory that is nowhere');
refused('PlaycountRecorder conf/httpd.conf', qr/${where}\S+ is not a directory/, 'a file');

mkdir "$root/records" or die $!;
chown $uid, $gid, "$root/records" or die $!;
for my $mode (0775, 0707) {
    chmod $mode, "$root/records" or die $!;
    refused('PlaycountRecorder records', qr/${where}\S+ can be written to by others.*chmod go-w/,
        sprintf 'mode %o', $mode);
}
chmod 0700, "$root/records";
symlink 'records', "$root/link" or die $!;
refused('PlaycountRecorder link', qr/${where}\S+ is not a directory/, 'a link');
SKIP: {
    skip 'only root can make what is another user\'s', 6 if $> != 0;
    chown 1, 1, "$root/records" or die $!;
    refused('PlaycountRecorder records', qr/${where}\S+ belongs to the user with the number 1/,
        'what is another user\'s');
    mkdir "$root/foreign" or die $!;
    chown 1, 1, "$root/foreign" or die $!;
    refused('PlaycountRecorder foreign/records',
        qr/${where}\S+ is not safe to write to: \S+foreign belongs to \S+, who could put links there/,
        'a directory in it');
    like $server->refusal, qr/foreign belongs to \S+, who could/, 'a start is refused';
    ok !-e "$root/foreign/records", 'and nothing was made';
    chown $uid, $gid, "$root/records" or die $!;
}
rmdir "$root/records" or die $!;
$server->set_config("PlaycountRecorder records\n");
my ($status) = $server->check_config;
is $status, 0, 'one that is not there yet is no fault';
ok !-e "$root/records", 'and httpd -t makes none';
$server->start;
is((stat "$root/records")[4], $uid, 'a start makes it, for the user who serves');
is sprintf('%o', (stat _)[2] & 07777), '700', 'and nobody else';
$server->get('/song/1');
is scalar(Playcount::Recorder::wait_for($server, 1)), 1, 'for records';

# It becomes unsafe while the server runs.
SKIP: {
    skip 'only root', 7 if $> != 0;
    $server->set_config("PlaycountRecorder other\n");
    mkdir "$root/other" or die $!;
    chown $uid, $gid, "$root/other" or die $!;
    $server->graceful;
    $server->get('/song/1');
    Playcount::Server::wait_until('a record', sub { Playcount::Recorder::names("$root/other") });
    is scalar(Playcount::Recorder::names("$root/records")), 1,
        'a graceful restart puts another directory in force';
    is $server->get('/song/1')->{status}, 200, 'and serves';
    Playcount::Server::wait_until('its record', sub { Playcount::Recorder::names("$root/other") == 2 });
    chmod 0777, "$root/other" or die $!;
    isnt(($server->check_config)[0], 0, 'httpd -t says what has become unsafe');
    $server->graceful;
    is $server->get('/song/1')->{status}, 200, 'a graceful restart goes on serving';
    like $server->error_log, qr/PlaycountRecorder \(\S+\): the server goes on; nothing is recorded in \S+other until/,
        'and says that it records nothing';
    chmod 0700, "$root/other" or die $!;
    $server->graceful;
    $server->get('/song/1');
    Playcount::Server::wait_until('another record', sub { Playcount::Recorder::names("$root/other") == 3 });
    pass 'once it is safe, the next one records again';
    unlike $server->error_log, qr/Segmentation/, 'no child died';
}

done_testing;
