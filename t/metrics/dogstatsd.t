# What DogStatsD receives, read by a parser of its own, written from Datadog's
# description of the datagram format:
#
#     NAME:VALUE|TYPE[|@RATE][|#TAG:VALUE,...]
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Playcount::Metrics;

# One line to a hash, or undef.
sub parse
{
    my ($line) = @_;
    my ($metric, @fields) = split /\|/, $line, -1;
    my ($name, $value) = $metric =~ /^([A-Za-z][A-Za-z0-9_.]*):(-?\d+(?:\.\d+)?)$/ or return undef;
    my $type = shift @fields;
    return undef unless defined $type && $type =~ /^(?:c|g|ms|h|s|d)$/;
    my ($rate, %tags) = (1);
    for my $field (@fields) {
        if ($field =~ /^\@(0\.\d+|1(?:\.0+)?)$/) { $rate = $1 }
        elsif ($field =~ /^#(.+)$/) {
            for my $tag (split /,/, $1, -1) {
                my ($key, $tag_value) = $tag =~ m{^([A-Za-z][\w./-]*):([\w./:-]+)$} or return undef;
                return undef if exists $tags{$key};
                $tags{$key} = $tag_value;
            }
        }
        else { return undef }
    }
    return { name => $name, value => $value, type => $type, number => 1 / $rate, tags => \%tags };
}
is_deeply parse('a.b:1.5|ms|@0.5|#route:x,env:prod'),
    { name => 'a.b', value => '1.5', type => 'ms', number => 2,
      tags => { route => 'x', env => 'prod' } }, 'the parser reads a line';
is parse($_), undef, "and refuses $_" for 'a:1', 'a:1|x', 'a:1|c|', 'a:1|c|#', 'a:1|c|#a', 'a:x|c';

my $SEEN;
sub receive
{
    my ($socket, $enough) = @_;
    my $select = IO::Select->new($socket);
    my ($end, @lines) = time + $Playcount::Server::PATIENCE;
    until ($enough->(@lines)) {
        die "not received within the patience\n" if time > $end;
        next unless $select->can_read(1);
        $socket->recv(my $datagram, 65536);
        $SEEN = length $datagram if !$SEEN || length $datagram > $SEEN;
        push @lines, split /\n/, $datagram;
    }
    return @lines;
}

for my $mode (qw(aggregate raw)) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die $!;
    my $port = $listener->sockport;
    my $server = Playcount::Metrics::server(config => <<"EOF");
PlaycountStatsd 127.0.0.1:$port format=dogstatsd mode=$mode interval=1 tags=env:prod,dc:eu-1
<Location "/test/evil">
    PlaycountRoute "%{QUERY_STRING}"
</Location>
<Location "/test/named">
    PlaycountRoute "api/v1.songs"
</Location>
EOF
    $server->get('/test/named?blocks=3&size=7') for 1 .. 20;
    $server->request('HEAD', '/test/named') for 1 .. 4;
    $server->post('/test/named?return=404') for 1 .. 3;
    $server->get('/test/named?return=500') for 1 .. 2;
    $server->get('/test/evil?a|c%0aevil:1|c,#x:y');
    my @lines = receive($listener, sub {
        my $n = 0;
        for (@_) {
            $n += $1 if /^httpd\.requests:(\d+)\|c/;
        }
        my $last = 0;
        for (@_) {
            my $m = parse($_) or next;
            $last += $m->{number} if $m->{name} eq 'httpd.requests.output_length';
        }
        return $n >= 30 && $last > 29.9;
    });
    my @metrics = map { parse($_) } @lines;
    is scalar(grep { !defined } @metrics), 0, "$mode: every line can be read"
        or diag join "\n", grep { !parse($_) } @lines;
    my (%names, %types, %cells, %by_route);
    for my $m (@metrics) {
        $names{ $m->{name} } = $m->{type};
        $types{ $m->{tags}{env} . $m->{tags}{dc} }++;
        if ($m->{type} eq 'c') {
            $cells{ join ' ', @{ $m->{tags} }{qw(route method status)} } += $m->{value};
        }
        else {
            $by_route{ $m->{tags}{route} }{ $m->{name} } += $m->{number};
        }
    }
    is_deeply \%names, {
        'httpd.requests' => 'c',
        (map { ("httpd.requests.${_}_time" => 'ms') } qw(request application output)),
        (map { ("httpd.requests.output_$_" => 'h') } qw(blocks length)),
    }, "$mode: one name for each, with its type";
    is_deeply [keys %types], ['prodeu-1'], "$mode: every line has the tags of the directive";
    my ($evil) = grep { !m{^api/} } keys %by_route;
    is_deeply \%cells, {
        'api/v1.songs GET 2xx' => 20, 'api/v1.songs HEAD 2xx' => 4,
        'api/v1.songs POST 4xx' => 3, 'api/v1.songs GET 5xx' => 2,
        "$evil GET 2xx" => 1,
    }, "$mode: the counter by route, method and status class";
    is sprintf('%.6f', $by_route{'api/v1.songs'}{'httpd.requests.output_blocks'}),
        '29.000000', "$mode: the histograms stand for every request";
    unlike $evil, qr/[|,:#\n@]/, "$mode: a query string as a label injects nothing";
    cmp_ok $SEEN, '<=', 1400, "$mode: datagrams stay below the MTU";
}

done_testing;
