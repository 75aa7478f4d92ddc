# A response out of mod_cache is measured once, like any other; but no handler made
# it, so it has no blocks.
use strict;
use warnings;
use Test::More;
use Playcount::Metrics;

for my $quick (qw(On Off)) {
    my $server = Playcount::Metrics::server(
        modules => [qw(cache cache_socache socache_shmcb)], config => <<"EOF");
CacheSocache shmcb
CacheEnable socache /kept.txt
CacheQuickHandler $quick
CacheDefaultExpire 100
EOF
    Playcount::Server::spew($server->root . '/htdocs/kept.txt', 'hello');
    my $get = sub {
        my ($what) = @_;
        return Playcount::Metrics::log_entry($server, sub {
            is $server->get('/kept.txt')->{content}, 'hello', "CacheQuickHandler $quick: $what";
        });
    };
    my $first = $get->('the first time');
    is $first->{length}, 5, 'its bytes';
    my $kept = $get->('out of the cache');
    is "$kept->{status} $kept->{blocks} $kept->{length}", '200 0 0', 'a status, and no blocks';
    cmp_ok $kept->{request}, '>', 0, 'and a time';
    is scalar(Playcount::Metrics::entries($server)), 2, 'each once';
}

done_testing;
