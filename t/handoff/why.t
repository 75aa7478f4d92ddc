# Why plays are not handed over is told where people look: on the metrics' page in each of
# its forms that has words, on the live page, by the monitor, and on mod_status' page.
use strict;
use warnings;
use JSON::PP ();
use Playcount::Browser;
use Playcount::Command qw(playcount);
use Playcount::Handoff;
use Playcount::Server;
use Test::More;

my $dir = database_directory();
my $file = "$dir/below/plays.db"; # there is no such directory yet
my $server = Playcount::Server->new(zone_file => 1, songs => 100, location => '/plays', modules => ['dbd', 'status'],
    config => sqlite_dbd($file) . <<'EOC');
PlaycountHandoff dbd interval=1
PlaycountSeries 1
<Location /metrics>
    SetHandler playcount-metrics
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
EOC
sub handoff
{
    my ($form) = @_;
    $server->hang_up;
    my $answer = $server->get("/metrics?format=$form");
    return JSON::PP->new->utf8->decode($answer->{content})->{zones}[0]{handoff};
}

is handoff('json')->{why}, undef, 'nothing is wrong';
$server->post('/plays/song/a');
my $why = qr/batch \d+ of zone default \(1 plays of 1 songs\) is not delivered: .*no connection to the database/;
for my $form ('json', 'live') {
    my $handoff = Playcount::Server::wait_until("$form to say it", sub { my $h = handoff($form); $h->{failing} && $h });
    like $handoff->{why}, $why, "$form: why";
    cmp_ok length $handoff->{why}, '<=', 255, 'which is bounded';
}
like $server->get('/server-status')->{content}, qr/yes: batch \d+ of zone default/, 'mod_status';
like playcount({ env => { COLUMNS => 200, LC_ALL => 'C.UTF-8' } }, 'monitor', '--once', $server->url('/metrics'))->{out},
    qr/FAILING, \d+ s behind.*\n +handoff: .*no connection to the database/, 'the monitor';
Playcount::Browser::run('why.mjs', url => $server->url('/metrics'));

mkdir "$dir/below";
chown scalar(getpwnam 'www-data'), -1, "$dir/below" if $> == 0;
Playcount::Server::wait_until('it to be mended', sub { !handoff('json')->{failing} });
is handoff('json')->{why}, undef, 'mended: no reason any more';

done_testing;
