# AllowOverrideList can let our directives into .htaccess files: those for metrics
# hold there, PlaycountUse is refused.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $server = Playcount::Metrics::server(config => <<'EOF');
<Directory "@root@/htdocs">
    AllowOverride FileInfo
    AllowOverrideList PlaycountMetrics PlaycountRoute PlaycountSlowRequests PlaycountUse
</Directory>
EOF
my $docs = $server->root . '/htdocs';
for my $dir (qw(song route off)) {
    mkdir "$docs/$dir" or die "$docs/$dir: $!";
    Playcount::Server::spew("$docs/$dir/file.txt", 'hello');
}

Playcount::Server::spew("$docs/song/.htaccess",
    "SetHandler playcount\nPlaycountUse default\n");
is $server->get('/song/1')->{status}, 500, 'PlaycountUse in an .htaccess file is refused';
$server->wait_for_log(qr/PlaycountUse cannot occur within htaccess files/);
pass 'and the log says why';
unlike $server->error_log, qr/exit signal/, 'nobody dies of it';

Playcount::Server::spew("$docs/route/.htaccess", "PlaycountRoute mine\n");
Playcount::Server::spew("$docs/off/.htaccess", "PlaycountMetrics Off\n");
my $entry = Playcount::Metrics::log_entry($server, sub {
    is $server->get('/route/file.txt')->{content}, 'hello', 'a file beside an .htaccess file';
});
is $entry->{route}, 'mine', 'PlaycountRoute holds there';
$entry = Playcount::Metrics::log_entry($server, sub { $server->get('/off/file.txt') });
is $entry->{route}, '-', 'and so does PlaycountMetrics Off';

done_testing;
