# The private httpd that all other tests rely on: it starts and stops under
# each MPM, restarts gracefully, and dies as a whole.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

for my $mpm (qw(event worker prefork)) {
    my $server = Playcount::Server->new(
        mpm => $mpm, location => undef, modules => ['alias'],
        config => 'Redirect 410 /gone');
    is $server->get('/gone')->{status}, 410, "$mpm: answers by its configuration";

    my @old = $server->children;
    $server->set_config('Redirect 451 /gone');
    $server->graceful;
    is $server->get('/gone')->{status}, 451, "$mpm: a graceful restart reads it anew";
    my %now = map { $_ => 1 } $server->children;
    is scalar(grep { $now{$_} } @old), 0, "$mpm: with new children";

    my ($first) = $server->children;
    $server->kill9_child($first);
    is $server->get('/gone')->{status}, 451, "$mpm: outlives a child";

    my $group = $server->pid;
    $server->kill9_all;
    is scalar(grep { $_->{group} == $group } Playcount::Server::processes()), 0,
        "$mpm: kill -9 leaves no process";
    $server->start;
    is $server->get('/gone')->{status}, 451, "$mpm: starts again on its port";

    like $server->raw("GET /gone HTTP/1.0\r\n\r\n"), qr{^HTTP/1.1 451 },
        "$mpm: speaks over a plain socket";
}

my $broken = Playcount::Server->new(
    start => 0, location => undef, config => 'NoSuchDirective');
like $broken->refusal, qr/NoSuchDirective/, 'a start that fails says why';

done_testing;
