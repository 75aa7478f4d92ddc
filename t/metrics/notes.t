# The values as notes: there when some directive names one, wherever it stands, or when
# PlaycountNotes asks for them; else a request does not pay for them.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

# The note in a line of one request's log.
sub note_of
{
    my ($config, $path) = @_;
    my $server = Playcount::Metrics::server(config => $config);
    my $entry = Playcount::Metrics::log_entry($server, sub { $server->get($path) });
    return ($entry->{note}, $entry->{length}, $server);
}

my ($note, $length) = note_of('', '/test?blocks=2&size=50');
is $note, $length, 'a LogFormat names one: it is there';
is $note, 100, 'and has its value';
($note, $length) = note_of("PlaycountNotes Off\n", '/test?blocks=2&size=50');
is $note, '-', 'PlaycountNotes Off: it is not';
is $length, 100, 'the items are there all the same';
($note, $length) = note_of("PlaycountNotes On\n", '/test?redirect=/test%3Fblocks=3');
is $note, $length, 'of a redirected request: that of the whole';

# Only in a section, and in another case.
my $server = Playcount::Metrics::server(config => <<'EOF');
LogFormat "%m" measured
<IfModule mod_playcount.c>
    <VirtualHost *>
        CustomLog logs/noted "%{PLAYCOUNT-Route}n %{playcount-output-blocks}n"
        CustomLog logs/measured measured
    </VirtualHost>
</IfModule>
EOF
$server->get('/test?blocks=7');
my $line = Playcount::Server::wait_until('the line', sub {
    return -s $server->root . '/logs/noted' && Playcount::Server::slurp($server->root . '/logs/noted');
});
is $line, "playcount-test 7\n", 'named in a section only';

done_testing;
