# --log-to-terminal into a file that was not opened to append, and on a terminal of another
# user, as after su.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

my $express = Playcount::Express->new;
my $output = $express->temp . '/output';
my @command = $express->command('start-server', '--log-to-terminal', '--processes', 2,
    '--songs', '1k');

sub run_until_it_serves
{
    my ($pid) = @_;
    my $text;
    Playcount::Server::wait_until('it serves', sub {
        $text = Playcount::Server::slurp($output);
        return $text =~ /Ctrl-C stops it/ && $text =~ /resuming normal operations/;
    });
    kill 'INT', $pid;
    waitpid $pid, 0;
    is $?, 0, 'it stops';
    return Playcount::Server::slurp($output);
}

my $text = run_until_it_serves($express->spawn($output, @command));
like $text, qr/^Serving \S+; Ctrl-C stops it\.$/m, 'its own lines are whole';
like $text, qr/^\[.*mod_playcount\/\S+ loaded/m, 'so is the first of the log';
like $text, qr/^\[.*caught SIGTERM, shutting down/m, 'and the last';
like $text, qr/^Stopped\.\n\z/m, 'Stopped. is the end of it';
is scalar(grep { !/^(\[|Serving |  (counter|page) |Stopped\.|AH\d+:)/ } split /\n/, $text), 0,
    'no line is written over another' or diag $text;

# stderr is a pipe of root's, and playcount-express another user.
SKIP: {
    skip 'only root can become another user', 3 if $> != 0;
    my ($uid, $gid) = (getpwnam 'www-data')[2, 3];
    my $other = Playcount::Express->new;
    chown $uid, $gid, $other->temp;
    pipe my $from, my $to or die $!;
    chmod 0600, "/proc/self/fd/" . fileno $to;
    my $pid = Playcount::Process::begin({}, sub {
        Playcount::Process::become($uid, $gid);
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>&', $to;
        open STDERR, '>&', $to;
        $ENV{HOME} = $other->temp;
        exec $other->command('start-server', '--log-to-terminal', '--songs', '1k',
            '--processes', 2) or die $!;
    });
    close $to;
    my ($said, $asked) = ('', 0);
    while (my $line = <$from>) {
        $said .= $line;
        # Once: a second one may meet a process that has ended all but itself.
        kill 'INT', $pid
            if $said =~ /Ctrl-C stops it/ && $said =~ /resuming normal/ && !$asked++;
    }
    waitpid $pid, 0;
    is $?, 0, 'as another user: it serves and stops' or diag $said;
    like $said, qr/resuming normal operations/, 'with its log';
    like $said, qr/caught SIGTERM/, 'to the end';
}

done_testing;
