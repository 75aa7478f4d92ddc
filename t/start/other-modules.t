# Other modules count and read by the optional functions of mod_playcount.h.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;
use Playcount::Server;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $module = "second_counter=$top/build/t/module/.libs/mod_second_counter.so";
my $server = Playcount::Server->new(songs => 2, modules => [$module], config => <<'EOT');
PlaycountZone other songs=10
<Location /second>
    SetHandler second-counter
</Location>
EOT

sub answers { is $server->get("/second/$_[0]")->{content}, $_[1], "$_[0]: $_[2]" }

answers('1?&get', 'APR_SUCCESS 0', 'a song that was never played');
answers('1?&1',   'APR_SUCCESS 1', 'a play');
answers('1?&41',  'APR_SUCCESS 42', 'more of them');
answers('1?default&get', 'APR_SUCCESS 42', 'NULL is the zone default');
is $server->get('/song/1')->{content}, '42', 'HTTP sees them';
is $server->post('/song/1')->{content}, '43', 'and counts on';
answers('1?other&7', 'APR_SUCCESS 7', 'another zone');
answers('1?other&get', 'APR_SUCCESS 7', 'is read');
answers('1?&1000000000', 'APR_SUCCESS 1000000043', 'as many as by= may be');
answers('1?&1000000001', 'APR_EINVAL 0', 'not more');
answers('1?&0', 'APR_EINVAL 0', 'none is not a play');
answers('1?nobody&1', 'APR_NOTFOUND 0', 'no such zone');
answers('1?nobody&get', 'APR_NOTFOUND 0', 'no such zone');
answers('?&1', 'APR_EINVAL 0', 'no id');
answers('%01?&get', 'APR_EINVAL 0', 'a control character');
answers('%FF?&1', 'APR_EINVAL 0', 'no UTF-8');
answers('x' x 256 . '?&1', 'APR_EINVAL 0', 'too long');
answers('2?&1', 'APR_SUCCESS 1', 'the zone is full now');
answers('3?&1', 'APR_ENOSPC 0', 'a new song');
answers('3?&get', 'APR_SUCCESS 0', 'is not in it');
answers('2?&1', 'APR_SUCCESS 2', 'known songs go on');
is $server->get('/')->{content}, '1=1000000043,2=2', 'nothing else was counted';
$server->graceful;
answers('2?&1', 'APR_SUCCESS 3', 'after a graceful restart');

done_testing;
