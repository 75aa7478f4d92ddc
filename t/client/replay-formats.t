# replay reads what httpd itself wrote: in the common formats without being told, in
# any other by its LogFormat, JSON lines too; packed or not.
use strict;
use warnings;
use Test::More;
use MIME::Base64 qw(encode_base64);
use Playcount::Command qw(playcount);
use Playcount::Server;

my $counter = Playcount::Server->new(songs => '1k');
my $site = Playcount::Server->new(location => undef, start => 0,
    modules => [qw(auth_basic authn_core authn_anon authz_user)],
    config => <<'EOC');
# Any user name is let in, also the empty one.
<Location />
    AuthType Basic
    AuthName site
    AuthBasicProvider anon
    Anonymous *
    Anonymous_NoUserID On
    Anonymous_MustGiveEmail Off
    Require all granted
</Location>
<Location /in>
    Require valid-user
</Location>
LogFormat "%h %l %u %t \"%r\" %>s %b" common
LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
LogFormat "{\"time\":\"%{%Y-%m-%dT%H:%M:%S}t\",\"user\":\"%u\",\"request\":\"%r\",\"status\":%>s,\"agent\":\"%{User-Agent}i\"}" json
LogFormat "%{usec}t|%u|%m|%U%q|%>s|%{Referer}i|%D" bars
LogFormat "%r %s" bare
CustomLog logs/common common
CustomLog logs/combined combined
CustomLog logs/vhost_combined vhost_combined
CustomLog logs/json json
CustomLog logs/bars bars
CustomLog logs/bare bare
EOC
my $root = $site->root;
mkdir "$root/htdocs/in" or die;
for my $name ('1', '2', "caf\xc3\xa9", 'a "quoted" one', 'back\\slash', 'a b', '100%') {
    Playcount::Server::spew("$root/htdocs/in/$name", 'music');
}
$site->start;

sub play
{
    my ($path, $user, %headers) = @_;
    $headers{Authorization} = 'Basic ' . encode_base64("$user:x", '') if defined $user;
    my $lines = join '', map { "$_: $headers{$_}\r\n" } sort keys %headers;
    return 0 + ($site->raw("GET $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n$lines\r\n") =~ /^HTTP\S+ (\d+)/)[0];
}
sub encode { my ($text) = @_; $text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge; return $text }

# User names and headers as nasty as they come; each request of a song counts.
my %expected;
for my $user ('me', 'o"neil', 'o neil', '', 'back\\', "tab\t", '" "GET /in/fake HTTP/1.1" 200 5 "', "caf\xc3\xa9") {
    is play('/in/1', $user), 200, "user '$user'";
    $expected{1}++;
}
for my $agent ('"', '\\', '" 200 5', "\xc3\xa9\xff", '-', '","request":"GET /in/fake HTTP/1.1","status":200,"x":"') {
    is play('/in/2', 'me', 'User-Agent' => $agent, Referer => $agent), 200, "agent '" . encode($agent) . "'";
    $expected{2}++;
}
for my $name ("caf\xc3\xa9", 'a "quoted" one', 'back\\slash', 'a b', '100%') {
    is play('/in/' . encode($name) . '?from=' . encode($name), 'me'), 200, $name;
    $expected{$name}++;
}
is play('/in/1'), 401, 'not let in';
is play('/in/none', 'me'), 404, 'not there';
$site->raw("GET /in/1 HTTP/1.0\r\nAuthorization: Basic " . encode_base64('me:x', '') . "\r\n\r\n");
$expected{1}++;
$site->raw("\"GET /in/1\r\n\r\n");
Playcount::Server::wait_until('the last line', sub {
    my $log = Playcount::Server::slurp("$root/logs/bare");
    return $log =~ tr/\n// >= 23;
});
$site->stop; # all is written

my %format = (
    common => [[], ['--format=common']],
    combined => [[], ['--format=combined'], ['--format=%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"']],
    vhost_combined => [[], ['--format=%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"']],
    json => [['--format=json'], ['--format=json:request=request,status=status']],
    bars => [['--format=%{usec}t|%u|%m|%U%q|%>s|%{Referer}i|%D']],
    bare => [['--format=%r %s']],
);
for my $log (sort keys %format) {
    for my $format (@{ $format{$log} }) {
        $counter->delete('/');
        my $run = playcount('-s', $counter->url, 'replay', '--again', '-q', '--match=^/in/([^?]+)', @$format, "$root/logs/$log");
        is $run->{status}, 0, "$log @$format" or diag $run->{err};
        my %count = map { /^(.*)=(\d+)$/ ? (do { my $id = $1; $id =~ s/%(..)/chr hex $1/ge; $id }, $2) : () }
            split /,/, $counter->get('/')->{content};
        is_deeply \%count, \%expected, "$log: every request of httpd's log is counted for its song, none is made up";
    }
}

# Packed.
for my $case (['gzip', 'gz', 0], ['xz', 'xz', 0], ['zstd', 'zst', 0], ['bzip2', 'bz2', 6]) {
    my ($program, $ending, $status) = @$case;
    SKIP: {
        skip "no $program", 2 if system("$program --version > /dev/null 2>&1 < /dev/null") != 0;
        my $packed = "$root/logs/packed.$ending";
        # Two put together, as logs are.
        system("$program -c < $root/logs/common > $packed; $program -c < $root/logs/common >> $packed") == 0 or die;
        $counter->delete('/');
        my $run = playcount('-s', $counter->url, 'replay', '--match=^/in/([^?]+)', $packed);
        if ($status) {
            is $run->{status}, $status, "$program is refused";
            like $run->{err}, qr/packed\.bz2 is compressed with bzip2, which this command was built without; unpack it, or send it through a pipe: bzcat /, 'with the command that helps';
            next;
        }
        is $run->{status}, 0, $program or diag $run->{err};
        is $counter->get('/song/1')->{content}, 2 * $expected{1}, "$program: counted";
        my $whole = Playcount::Server::slurp($packed);
        Playcount::Server::spew("$root/logs/cut.$ending", substr $whole, 0, length($whole) - 9);
        $run = playcount('-s', $counter->url, 'replay', '--match=^/in/([^?]+)', "$root/logs/cut.$ending");
        is $run->{status}, 6, "$program, cut off: exit status 6";
        like $run->{err}, qr/its compressed data (ends too early|is damaged)/, 'it says so';
    }
}
done_testing;
