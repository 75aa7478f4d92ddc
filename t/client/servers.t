# Many servers: each song on one of them, all of them asked side by side, and
# one that fails is named while the others still answer.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(playcount);
use Playcount::Misbehaving qw(request answer);
use Playcount::Server;

my @servers = map { Playcount::Server->new(songs => '20k') } 1 .. 4;
my @urls = map { $_->url } @servers;

sub s_of { return map { ('-s', $_) } @_ }
sub listing { my %l = map { split /=/ } split /,/, $_[0]->get('/')->{content}; return \%l }
sub clear { $_->delete('/') for @servers }

# modulo
my @three = (s_of(@urls[0 .. 2]), '--shard=modulo');
my $run = playcount(@three, 'play', 0 .. 8);
is $run->{status}, 0, 'modulo: nine songs' or diag $run->{err};
is $run->{out}, join('', map { "$_=1\n" } 0 .. 8), 'modulo: shown in the order they were named';
for my $n (0 .. 2) {
    is_deeply listing($servers[$n]), { map { $_ => 1 } grep { $_ % 3 == $n } 0 .. 8 },
        "modulo: server $n has the ids n with n mod 3 = $n";
}
is playcount(@three, 'play', '--by=5', '4')->{out}, "6\n", 'modulo: one song';
is $servers[1]->get('/song/4')->{content}, 6, 'modulo: goes to its server';
is playcount(@three, 'get', 4, 5, 99)->{out}, "4=6\n5=1\n99=0\n", 'modulo: get';
$run = playcount(@three, 'play', 'abc');
is $run->{status}, 2, 'modulo: an id that is not an integer is refused';
is playcount(@three, 'top', 1)->{out}, "4=6\n", 'modulo: top of all servers';
is_deeply [sort split /\n/, playcount(@three, 'list')->{out}],
    [sort '4=6', map { "$_=1" } 0 .. 3, 5 .. 8], 'modulo: list has the songs of all';

# reset
$run = playcount(@three, 'reset', '--yes');
is $run->{status}, 0, 'reset';
is join('', map { $_->get('/')->{content} } @servers), '', 'forgets on all servers';

# ketama
my @ids = map { "/music/$_.mp3" } 1 .. 3000;
$run = playcount(s_of(@urls[0 .. 2]), 'play', @ids);
is $run->{status}, 0, 'ketama: 3000 songs' or diag $run->{err};
my %of;
for my $n (0 .. 2) {
    my @has = keys %{ listing($servers[$n]) };
    cmp_ok scalar(@has), '>', 500, "ketama: server $n has a share (" . @has . ')';
    $of{$_} = $n for @has;
}
is scalar keys %of, 3000, 'ketama: each song is on one server';

# The order in which servers are named does not matter, their names do.
$run = playcount(s_of(@urls[2, 0, 1]), 'play', @ids);
is scalar(grep { listing($servers[ $of{$_} ])->{$_} != 2 } @ids[0 .. 20]), 0,
    'ketama: the order of the servers does not matter';

# One server more: about a quarter of the songs moves, to it alone.
$run = playcount(s_of(@urls), 'play', @ids);
my $new = listing($servers[3]);
my $moved = keys %$new;
cmp_ok $moved, '>', 3000 / 4 * 0.6, "ketama: $moved of 3000 songs move to a fourth server";
cmp_ok $moved, '<', 3000 / 4 * 1.5, 'about a quarter';
my @l = map { listing($_) } @servers;
is scalar(grep { !$new->{$_} && ($l[ $of{$_} ]{$_} // 0) != 3 } @ids), 0, 'the others stay where they were';

# A song on two servers is listed once, with the sum.
is_deeply { map { split /=/ } split /\n/, playcount(s_of(@urls), 'list')->{out} },
    { map { $_ => 3 } @ids }, 'list adds up what moved';
is scalar(split /\n/, playcount(s_of(@urls), 'top', 5)->{out}), 5, 'top 5 of four servers';

# Export and import: to other servers, nothing lost.
my $file = File::Temp->new;
playcount(s_of(@urls), 'export', $file->filename);
clear();
$run = playcount(s_of(@urls[0, 1]), 'import', $file->filename);
is $run->{status}, 0, 'import into two servers of what four had';
my %sum;
for my $l (map { listing($_) } @servers[0, 1]) { $sum{$_} += $l->{$_} for keys %$l }
is_deeply \%sum, { map { $_ => 3 } @ids }, 'the sums are the same';

# One that fails.
clear();
my $down = 'http://127.0.0.1:' . Playcount::Server::free_port() . '/';
my $broken = Playcount::Misbehaving->new(sub {
    while (my $r = request($_[0])) { print { $_[0] } answer(500, 'Broken') }
});
my @mixed = ('--shard=modulo', '--retries=0', s_of($urls[0], $down, $urls[1], $broken->url));
$run = playcount(@mixed, 'play', 0 .. 7);
is $run->{status}, 5, 'two of four fail: exit status 5';
is $run->{out}, "0=1\n2=1\n4=1\n6=1\n", 'what worked is shown';
like $run->{err}, qr/^playcount: (?:\Q$down\E|\Q${\ $broken->url}\E): /, 'a server that failed is named';
$run = playcount(@mixed, 'get', 0 .. 3);
is "$run->{status} $run->{out}", "5 0=1\n2=1\n", 'get shows what worked';
for my $command (['list'], ['top']) {
    $run = playcount(@mixed, @$command);
    is $run->{status}, 5, "@$command: exit status 5";
    is_deeply [sort split /\n/, $run->{out}], ['0=1', '2=1', '4=1', '6=1'], "@$command: what the others said is given";
    like $run->{err}, qr/^playcount: \Q$down\E: no connection: /m, "@$command: the one that is down is named";
    like $run->{err}, qr/^playcount: \Q${\ $broken->url}\E: answered 500: Broken$/m, "@$command: and the broken one";
}
$run = playcount(@mixed, 'reset', '--yes', '--json');
is $run->{status}, 5, 'reset: exit status 5';
is join('', map { $_->get('/')->{content} } @servers), '', 'reset: the others have forgotten';
like $run->{out}, qr/\{"server":"\Q$down\E","reset":false,"error":"[^"]+"\}/, 'reset: JSON says which failed';
like $run->{out}, qr/\{"server":"\Q$urls[0]\E","reset":true\}/, 'reset: and which did not';

# Side by side: two servers that both wait for the other's request.
my $dir = File::Temp->newdir;
my @meet = map {
    my $me = $_;
    Playcount::Misbehaving->new(sub {
        my ($socket) = @_;
        request($socket) or return;
        Playcount::Server::spew("$dir/$me", '');
        Playcount::Server::wait_until('the other request', sub { -e "$dir/" . (1 - $me) });
        print {$socket} answer(200, "meet$me=1");
    });
} 0, 1;
$run = playcount(s_of(map { $_->url } @meet), '--timeout=60', 'list');
is_deeply [sort split /\n/, $run->{out}], ['meet0=1', 'meet1=1'], 'all servers are asked at the same time';

done_testing;
