# A CGI response is read below the block filter, when it is passed on. What the
# script takes to write it is no output time.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

for my $mpm (qw(event worker prefork)) {
    my $cgi = $mpm eq 'prefork' ? 'cgi' : 'cgid';
    my $sock = $mpm eq 'prefork' ? '' : "ScriptSock cgid.sock\n";
    my $server = Playcount::Metrics::server(
        mpm => $mpm, modules => [$cgi], config => $sock . <<"EOF");
<Directory "\@root\@/htdocs">
    Options +ExecCGI
    SetHandler cgi-script
</Directory>
EOF
    my $script = $server->root . '/htdocs/slow.cgi';
    Playcount::Server::spew($script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
        . "printf one\nsleep 0.3\nprintf two\nsleep 0.3\nprintf three\n");
    chmod 0755, $script;
    my $entry = Playcount::Metrics::log_entry($server, sub {
        is $server->get('/slow.cgi')->{content}, 'onetwothree', "$mpm: a slow script";
    });
    cmp_ok $entry->{application}, '>=', 600_000, "$mpm: its sleeps are application time";
    cmp_ok $entry->{application} - $entry->{output}, '>=', 600_000, "$mpm: and no output time";
    is $entry->{length}, 11, "$mpm: all bytes are counted";
}

done_testing;
