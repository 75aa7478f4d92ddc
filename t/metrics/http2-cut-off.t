# A file that a client of HTTP/2 does not take to its end is aborted, though it passed all
# filters in one piece; one that it takes is complete. In clear and over TLS.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

my $SIZE = 30_000_000;

for my $mpm (qw(event worker)) {
    my $server = Playcount::Metrics::server(
        mpm => $mpm, modules => [qw(http2 ssl)], start => 0, config => '');
    my $root = $server->root;
    ok my $tls = $server->listen_tls, 'a certificate';
    open my $file, '>', "$root/htdocs/file" or die $!;
    truncate $file, $SIZE or die $!;
    close $file;
    $server->{config} .= "Protocols h2 h2c http/1.1\n";
    $server->write_config;
    $server->start;

    my %in = (
        'in clear' => ['--http2-prior-knowledge', 'http://127.0.0.1:' . $server->port],
        'over TLS' => ['-k', '--http2', "https://127.0.0.1:$tls"],
    );
    my %want = (complete => 0, aborted => 0, error => 0);
    my $outcomes = sub {
        my ($n) = @_;
        my $total;
        Playcount::Server::wait_until("$n requests counted", sub {
            $total = Playcount::Metrics::json($server)->{metrics}{total};
            return $total->{requests} == $n && $total->{in_flight} == 0;
        });
        return $total->{outcomes};
    };
    my $n = 0;
    for my $how (sort keys %in) {
        my ($arguments, $url) = ([@{ $in{$how} }[0 .. $#{ $in{$how} } - 1]], $in{$how}[-1]);
        for (1 .. 3) {
            my $pid = Playcount::Process::start({}, 'curl', '-s', @$arguments, '--limit-rate', '1M',
                '-o', "$root/taken", "$url/file");
            Playcount::Server::wait_until('some of it', sub {
                return (-s "$root/taken" // 0) > 100_000;
            });
            Playcount::Process::end($pid, 'KILL');
            cmp_ok -s "$root/taken", '<', $SIZE, "$mpm, $how: a client that goes away";
            unlink "$root/taken";
            $want{aborted}++;
            is_deeply $outcomes->(++$n), \%want, "$mpm, $how: is aborted";
        }
        for my $path ('file', 'file', 'nothing-there') {
            my $got = `curl -s @$arguments -o $root/taken -w '%{http_version} %{size_download}' $url/$path`;
            like $got, $path eq 'file' ? qr/^2 $SIZE$/ : qr/^2 \d+$/,
                "$mpm, $how: $path, taken to its end";
            unlink "$root/taken";
            $want{complete}++;
            is_deeply $outcomes->(++$n), \%want, "$mpm, $how: is complete";
        }
        is system("curl -sI @$arguments -o /dev/null $url/file"), 0, "$mpm, $how: HEAD";
        $want{complete}++;
        is_deeply $outcomes->(++$n), \%want, "$mpm, $how: is complete";
    }
}

done_testing;
