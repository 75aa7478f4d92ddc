# In the foreground, Ctrl-C stops playcount-express and its httpd; a window
# that changes its size does not.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

my $express = Playcount::Express->new;
my $output = $express->temp . '/foreground';
my $pid = $express->spawn($output, $express->command('start-server'));
Playcount::Server::wait_until('it serves', sub {
    return Playcount::Server::slurp($output) =~ /Ctrl-C stops it/;
});
is $express->get('/song/x')->{content}, '0', 'it serves';

my ($httpd) = map { $_->{pid} }
    grep { $_->{parent} == $pid } Playcount::Server::processes();
ok $httpd, 'httpd is its child';
my $groups = getpgrp($httpd) != getpgrp($pid);
ok $groups, 'in a process group of its own, which no key of the terminal reaches';
kill 'WINCH', $pid;
is $express->post('/song/x')->{content}, '1', 'SIGWINCH does nothing';

kill 'INT', $pid;
waitpid $pid, 0;
is $?, 0, 'SIGINT ends it';
ok !kill(0, $httpd), 'and httpd';
like Playcount::Server::slurp($output), qr/^Stopped\.$/m, 'it says so';

$pid = $express->spawn($output, $express->command('start-server', '--debug-mode'));
Playcount::Server::wait_until('it serves', sub {
    return $express->get('/song/x')->{status} == 200;
});
is scalar(grep { $_->{parent} == $pid } Playcount::Server::processes()), 0,
    '--debug-mode is one process';
is $express->get('/song/x')->{content}, '1', 'with the same counts';
kill 'INT', $pid;
waitpid $pid, 0;
is $express->get('/song/x')->{status}, 599, 'which SIGINT ends';

$pid = $express->spawn($output,
    $express->command('start-server', '--log-to-terminal'));
Playcount::Server::wait_until('it serves', sub {
    return $express->get('/song/x')->{status} == 200;
});
# Children answer before the parent writes that it is up.
ok Playcount::Server::wait_until('the log', sub {
    return Playcount::Server::slurp($output) =~ /resuming normal operations/;
}), '--log-to-terminal';
# A signal before it says so ends the start (with 130), not the server.
Playcount::Server::wait_until('it says that it serves', sub {
    return Playcount::Server::slurp($output) =~ /Ctrl-C stops it/;
});
kill 'TERM', $pid;
waitpid $pid, 0;
is $?, 0, 'SIGTERM ends it too';

done_testing;
