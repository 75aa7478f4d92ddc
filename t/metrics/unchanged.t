# Nothing that passes through changes: with metrics on and off the answers have
# the same bytes and headers, and the filters below see the same buckets.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $common = <<'EOF';
<Location "/probe">
    SetHandler playcount-test
    SetOutputFilter PLAYCOUNT_TEST_PROBE
</Location>
<Location "/deflate">
    SetHandler playcount-test
    SetOutputFilter DEFLATE
</Location>
LogFormat "%U %q %{probe}n %b" probes
CustomLog logs/probes probes
EOF
my @requests = (
    '/probe', '/probe?blocks=3&size=9', '/probe?blocks=3&size=9&how=brigade',
    '/probe?blocks=3&how=rputs', '/probe?blocks=3&how=flush', '/probe?pipe=100',
    '/probe?pipe=300000', '/probe?file=@root@/htdocs/file', '/probe?return=404',
    '/probe?return=304', '/probe?return=204', '/probe?return=500', '/probe?status=201&blocks=1',
    '/probe?redirect=/file', '/probe?sub=/file&blocks=1', '/deflate?blocks=100&size=100',
    '/deflate?pipe=20000', '/file', '/nothing');

my %seen;
for my $switch (qw(Off On)) {
    my $server = Playcount::Metrics::server(modules => ['deflate', 'filter'],
        config => "PlaycountMetrics $switch\n$common");
    my $root = $server->root;
    Playcount::Server::spew("$root/htdocs/file", 'file ' x 20000);
    utime 1e9, 1e9, "$root/htdocs/file";
    my $n = 0;
    for my $path (@requests) {
        for my $method (qw(GET HEAD)) {
            for my $headers ('', "Range: bytes=3-20\r\n", "Accept-Encoding: gzip\r\n") {
                my $real = $path =~ s/\@root\@/$root/r;
                my $answer = $server->raw(
                    "$method $real HTTP/1.1\r\nHost: t\r\nConnection: close\r\n$headers\r\n");
                $answer =~ s/^Date: .*\r\n//m;
                $answer =~ s/^ETag: .*\r\n//m;
                # The port in the footer of httpd's own pages.
                $answer =~ s/Port \d+/Port/g;
                # How the system cut what a pipe held shows in the chunks.
                if ($answer =~ /^Transfer-Encoding: chunked/m) {
                    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
                    my $whole = '';
                    while ($body =~ s/^([0-9a-f]+)\r\n//) {
                        last unless hex $1;
                        $whole .= substr $body, 0, hex $1, '';
                        $body =~ s/^\r\n//;
                    }
                    $answer = "$head\r\n\r\n$whole";
                }
                $seen{$switch}{"$method $path $headers"} = $answer;
                $n++;
            }
        }
    }
    Playcount::Server::wait_until('all lines', sub {
        return $n == (() = Playcount::Server::slurp("$root/logs/probes") =~ /\n/g);
    });
    my @lines = split /\n/, Playcount::Server::slurp("$root/logs/probes") =~ s/\Q$root\E//gr;
    # %b is in chunks' bytes where there are some.
    s/ \S+$// for @lines;
    $seen{$switch}{buckets} = [sort @lines];
}
my @differ = grep { $seen{On}{$_} ne $seen{Off}{$_} } grep { $_ ne 'buckets' } sort keys %{ $seen{Off} };
is scalar(keys %{ $seen{On} }), @requests * 6 + 1, 'all kinds of requests were made';
is join("\n", @differ), '', 'every answer is the same, byte by byte, with its headers';
is_deeply $seen{On}{buckets}, $seen{Off}{buckets}, 'the same buckets go down the filters';
ok scalar(grep { /FILE:100000/ } @{ $seen{On}{buckets} }), 'a file as a file';
ok scalar(grep { /PIPE:-1/ } @{ $seen{On}{buckets} }), 'a pipe as a pipe';

done_testing;
