# The rules, every one of them (Playcount::MediaCases), under each MPM: in clear, over TLS, in
# HTTP/2, behind a proxy, in a proxy; and with graceful restarts and killed children between.
# What was counted is what the zone has.
use strict;
use warnings;
use Test::More;
use Playcount::Media;
use Playcount::MediaCases;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

# A server with a port for each way: name => [curl's options, its URL].
sub server_of
{
    my ($mpm) = @_;
    my $h2 = $mpm ne 'prefork';
    my $server = Playcount::Media::server(mpm => $mpm, start => 0,
        modules => [qw(ssl proxy proxy_http remoteip), $h2 ? 'http2' : ()]);
    my ($behind, $front, $files) = map { Playcount::Server::free_port() } 1 .. 3;
    ok my $tls = $server->listen_tls, "$mpm: a certificate";
    $server->{config} .= ($h2 ? "Protocols h2 h2c http/1.1\n" : '') . <<"EOT";
LogFormat "%{X-Case}i %^Pv %^Pi" cases
CustomLog logs/cases cases
SetEnvIf Referer "/preview" playcount-skip
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
# The backend counts.
Listen 127.0.0.1:$behind
<VirtualHost *:$behind>
    PlaycountMedia Off
    ProxyPass / http://127.0.0.1:$server->{port}/
    CustomLog /dev/null cases
</VirtualHost>
# The proxy counts.
Listen 127.0.0.1:$front
<VirtualHost *:$front>
    PlaycountMediaBitrate 64
    ProxyPass / http://127.0.0.1:$files/
    CustomLog logs/cases cases
</VirtualHost>
Listen 127.0.0.1:$files
<VirtualHost *:$files>
    PlaycountMedia Off
    CustomLog /dev/null cases
</VirtualHost>
EOT
    Playcount::MediaCases::make($server);
    $server->write_config;
    $server->start;
    my $main = $server->url('') =~ s{/$}{}r;
    return ($server,
        'HTTP/1.1' => [$main, '--http1.1'],
        'TLS' => ["https://127.0.0.1:$tls", '-k', '--http1.1'],
        'behind a proxy' => ["http://127.0.0.1:$behind", '--http1.1'],
        'in a proxy' => ["http://127.0.0.1:$front", '--http1.1'],
        $h2 ? ('HTTP/2' => [$main, '--http2-prior-knowledge'],
            'HTTP/2 over TLS' => ["https://127.0.0.1:$tls", '-k', '--http2']) : ());
}

# curl's options for one request of a case.
sub request
{
    my ($way, $id, $case, $request) = @_;
    my ($url, @options) = @$way;
    my @mine = map { s/\@/Case-$id/r } @$request;
    my @agent = grep({ $_ eq '-A' || /^User-Agent:/ } @mine) ? () : ('-A', "Case-$id/1");
    return ('-sS', '--max-time', $Playcount::Server::PATIENCE, '-o', '/dev/null', '-H', "X-Case: $id",
        @options, @agent, @mine, "$url/$case->{file}");
}

sub curl { system('curl', @_) == 0 or die "curl: $?\n" }

# The lines about these cases, when there are n: the case, the verdict and the song of each.
sub lines
{
    my ($server, $prefix, $n) = @_;
    my @lines;
    Playcount::Server::wait_until("$n lines of $prefix", sub {
        @lines = grep { /^\Q$prefix\E-/ } split /\n/, Playcount::Server::slurp($server->root . '/logs/cases');
        return @lines >= $n;
    });
    return map { [split / /] } @lines;
}

sub sorted { return join ' ', sort split / /, $_[0] }

# All cases over one way, by one curl on one connection; or request by request, and $between
# after each.
sub all_cases
{
    my ($server, $what, $way, $prefix, $between) = @_;
    my @cases = Playcount::MediaCases::cases();
    my (@next, %want, $n);
    for my $i (0 .. $#cases) {
        my $id = "$prefix-$i";
        $want{$id} = $cases[$i];
        for my $request (@{ $cases[$i]{requests} }) {
            my @options = request($way, $id, $cases[$i], $request);
            $n++;
            if ($between) {
                curl(@options);
                $between->($n);
            }
            push @next, @next ? '--next' : (), @options;
        }
    }
    curl(@next) if !$between;
    my %got;
    push @{ $got{ $_->[0] } }, $_->[1] for lines($server, $prefix, $n);
    for my $id (map { "$prefix-$_" } 0 .. $#cases) {
        my $verdicts = $want{$id}{ $what =~ /in a proxy/ ? 'front' : 'verdicts' };
        # Streams, and a proxy's connections, may be logged in another order.
        my $order = $what =~ /HTTP\/2|behind/ ? \&sorted : sub { $_[0] };
        is $order->("@{ $got{$id} || [] }"), $order->($verdicts), "$what: $want{$id}{name}";
    }
}

for my $mpm (split / /, $ENV{PLAYCOUNT_MPM} // 'event worker prefork') {
    my ($server, %way) = server_of($mpm);
    my $number = 0;
    for my $what (sort keys %way) {
        # Debian's curl does not use a connection of HTTP/2 in clear twice.
        all_cases($server, "$mpm, $what", $way{$what}, 'w' . ++$number, $what eq 'HTTP/2' ? sub { } : ());
    }
    # A child that is killed takes what it has not logged with it, so that is waited for.
    all_cases($server, "$mpm, restarts and kills between", $way{'HTTP/1.1'}, 'k', sub {
        my ($n) = @_;
        return if $n % 25;
        lines($server, 'k', $n);
        $n % 50 ? $server->graceful : $server->kill9_child($_) for ($server->children)[0];
    });
    like $server->error_log, qr{media: probe, song -.*: no range is longer than two bytes},
        "$mpm: LogLevel playcount:debug says why";
    my %songs;
    $songs{ $_->[2] }++ for grep { $_->[1] eq 'played' } map { lines($server, $_, 1) } 'k', map { "w$_" } 1 .. $number;
    is Playcount::Media::plays($server, $_), $songs{$_}, "$mpm: $songs{$_} plays of $_ are in the zone" for sort keys %songs;
}

done_testing;
