# What a client did not take does not count: one that goes away after 50 kB has 50 kB, and
# what more the kernels on both sides hold, whatever was handed to them. In clear, over TLS,
# in HTTP/2, through a proxy. One that takes all has all.
use strict;
use warnings;
use Test::More;
use Playcount::Media;

my $missing = Playcount::Media::missing();
plan skip_all => $missing if $missing;

for my $mpm (split / /, $ENV{PLAYCOUNT_MPM} // 'event worker prefork') {
    my $server = Playcount::Media::server(mpm => $mpm, start => 0,
        modules => [qw(ssl proxy proxy_http), $mpm eq 'prefork' ? () : 'http2']);
    my $root = $server->root;
    my $front = Playcount::Server::free_port();
    ok my $tls = $server->listen_tls, 'a certificate';
    my ($long, $middle) = Playcount::Media::make("$root/htdocs", 'long.mp3', 'middle.mp3');
    cmp_ok $long, '>', 28_000_000, 'a long file';
    my $h2 = $mpm eq 'prefork' ? '' : 'Protocols h2 h2c http/1.1';
    $server->{config} .= <<"EOT";
$h2
Listen 127.0.0.1:$front
<VirtualHost *:$front>
    # The backend's deliveries are to be none.
    ProxyPass / http://127.0.0.1:$server->{port}/
    RequestHeader set X-Front 1
</VirtualHost>
SetEnvIf X-Front 1 playcount-skip
EOT
    $server->{modules} = [@{ $server->{modules} }, 'headers'];
    $server->write_config;
    $server->start;

    my %way = (
        'HTTP/1.1'      => ['--http1.1', $server->url('')],
        'TLS'           => ['--http1.1', '-k', "https://127.0.0.1:$tls"],
        'through a proxy' => ['--http1.1', "http://127.0.0.1:$front"],
        $h2 ? (
            'HTTP/2'          => ['--http2-prior-knowledge', $server->url('')],
            'HTTP/2 over TLS' => ['--http2', '-k', "https://127.0.0.1:$tls"],
        ) : (),
    );
    my $agent = 0;
    # The log's line about this User-Agent in the server that the client sees.
    my $line = sub {
        my ($name) = @_;
        my @found;
        Playcount::Server::wait_until("a line about $name", sub {
            @found = grep { /"\Q$name\E"$/ && !/^skipped/ } split /\n/,
                Playcount::Server::slurp("$root/logs/media");
        });
        return $found[0];
    };
    for my $way (sort keys %way) {
        my ($url) = $way{$way}[-1];
        my @options = @{ $way{$way} }[0 .. $#{ $way{$way} } - 1];
        for my $file (['long.mp3', $long], ['middle.mp3', $middle]) {
            my ($name, $size) = @$file;
            my $who = 'Gone/' . ++$agent;
            # With a Range and without.
            my @range = $name eq 'long.mp3' ? ('-r', '0-') : ();
            my $pid = open my $curl, '-|', 'curl', '-s', '-A', $who, @options, @range,
                '--limit-rate', '50k', '-o', '-', "$url/$name" or die $!;
            my $got = 0;
            while ($got < 50_000 && (my $n = read $curl, my $bytes, 10_000)) { $got += $n }
            kill 'KILL', $pid;
            close $curl;
            my ($verdict, $taken, $need) = split / /, $line->($who);
            note "$way: $verdict $taken of $need";
            is $verdict, 'open', "$mpm, $way: $name, one that goes away has not enough";
            my ($end) = $taken =~ /^\d+-(\d+)$/;
            $end //= 0;
            cmp_ok $end, '<', $need, "$mpm, $way: $name: $end bytes of $need";
        }
        my $who = 'Whole/' . ++$agent;
        Playcount::Media::curl($server, "$url/middle.mp3", '-A', $who, @options);
        like $line->($who), qr/^played \d+-\Q@{[$middle - 1]}\E /,
            "$mpm, $way: one that takes all has all";
    }
    is Playcount::Media::plays($server, '/long.mp3'), 0, "$mpm: the long one counts 0";
    is Playcount::Media::plays($server, '/middle.mp3'), scalar(keys %way),
        "$mpm: the other one those that took it";
}

done_testing;
