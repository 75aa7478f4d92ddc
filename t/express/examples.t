# The examples of examples/ give the figures that docs/examples.md shows: under mod_wsgi
# embedded and as a daemon, and under gunicorn and uWSGI behind a proxy. Blocks are exact
# where the module sees each; elsewhere bytes, times and outcomes are.
use strict;
use warnings;
use IO::Socket::INET;
use Cpanel::JSON::XS ();
use Test::More;
use Playcount::Express;
use Playcount::Server;

plan skip_all => 'libapache2-mod-wsgi-py3 is not installed'
    unless -e Playcount::Server::modules_dir() . '/mod_wsgi.so';

# A copy that www-data can read, wherever this checkout is.
my $top = Playcount::Express::program() =~ s{/[^/]+$}{}r;
my $temp = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
system('cp', '-r', "$top/examples", "$temp/") == 0 or die 'cp';
system 'chmod', '-R', 'a+rX', "$temp";
my $dir = "$temp/examples";

# Blocks and bytes that the application gives, and the outcome.
my %given = (
    characters  => [1_200_000, 1_200_000, 'complete'],
    one_block   => [1, 1_200_000, 'complete'],
    two_words   => [2, 12, 'complete'],
    file_blocks => [100, 12_800, 'complete'],
    breaks_off  => [1, 6, 'error'],
    with_write  => [2, 12, 'complete'],
);
my @names = sort keys %given;

# Ask for all at once, each on a connection that is closed after it: the client of the one
# that breaks off would wait for the rest until then.
sub ask_for
{
    my ($express, @paths) = @_;
    my @clients = map {
        my $path = $_;
        Playcount::Process::begin({}, sub {
            my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $express->port);
            print {$socket} "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            1 while sysread $socket, my $text, 65536;
        });
    } @paths;
    waitpid $_, 0 for @clients;
}

sub routes
{
    my ($express) = @_;
    my $json = Cpanel::JSON::XS->new->decode($express->get('/metrics?format=json')->{content});
    return map { $_->{route} => $_ } @{ $json->{metrics}{routes} };
}

# All that was asked for once has been measured.
sub measured
{
    my ($express, @routes) = @_;
    my %route;
    Playcount::Server::wait_until('all are measured', sub {
        %route = routes($express);
        return !grep { !$route{$_} || $route{$_}{requests} != 1 } @routes;
    });
    return %route;
}

sub is_as_given
{
    my ($way, $name, $route, $is_exact) = @_;
    my ($blocks, $bytes, $outcome) = @{ $given{$name} };

    is $route->{output_length}{sum}, $bytes, "$way, $name: bytes";
    is $route->{outcomes}{$outcome}, 1, "$outcome";
    if ($is_exact) {
        is $route->{output_blocks}{sum}, $blocks, "$blocks blocks";
    }
    else {
        cmp_ok $route->{output_blocks}{sum}, '>=', 1, "$route->{output_blocks}{sum} blocks";
    }
    cmp_ok $route->{request_time}{sum}, '>=', 100_000, 'at least 100 ms' if $name eq 'two_words';
    cmp_ok $route->{application_time}{sum}, '>=', 100_000, 'in the application'
        if $name eq 'two_words';
}

my @wsgi = map { ('--wsgi', "/$_=$dir/$_.py") } @names;
for my $case (['embedded', 1], ['daemon', 0, '--wsgi-processes', 1]) {
    my ($way, $is_exact, @options) = @$case;
    my $express = Playcount::Express->new;
    my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
        '--processes', 2, '--document-root', "$dir/files", @wsgi, @options);
    is $status, 0, "mod_wsgi, $way" or diag $output;
    ask_for($express, '/lines.txt', map { "/$_" } @names);
    my %route = measured($express, 'static', map { "/$_" } @names);
    is_as_given("mod_wsgi, $way", $_, $route{"/$_"}, $is_exact) for @names;
    is $route{static}{output_blocks}{sum}, 1, 'the same file from --document-root is one block';
    is $route{static}{output_length}{sum}, 12_800, 'of as many bytes';
    next unless $is_exact;
    cmp_ok $route{'/characters'}{application_time}{sum}, '>', $route{'/one_block'}{application_time}{sum},
        'many blocks take longer than one';
}

# A server of its own, which answers before it is used.
sub serve
{
    my ($port, @command) = @_;
    my $pid = Playcount::Process::start({ out => "$temp/backend", append => 1 }, @command);
    Playcount::Server::wait_until("$command[0] answers", sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    });
    return $pid;
}

sub find_command
{
    my (@names) = @_;
    return (grep { -x } map { my $name = $_; map { "$_/$name" } split /:/, $ENV{PATH} } @names)[0];
}

for my $backend (
    ['gunicorn', 'http', sub { return ('-b', "127.0.0.1:$_[0]", '--chdir', $dir, 'every:application') },
        '/usr/bin/gunicorn'],
    ['uWSGI', 'uwsgi', sub {
        return ('--plugin', 'python3', '--socket', "127.0.0.1:$_[0]", '--chdir', $dir,
            '--module', 'every:application', '--master', '--die-on-term', '--processes', 2);
    }, find_command('uwsgi', 'uwsgi-core')],
) {
    my ($way, $scheme, $arguments, $program) = @$backend;
  SKIP: {
        skip "$way is not installed", 1 unless $program && -x $program;
        my $port = Playcount::Server::free_port();
        my $pid = serve($port, $program, $arguments->($port));
        my $express = Playcount::Express->new;
        my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
            '--processes', 2, map { ('--proxy', "/$_=$scheme://127.0.0.1:$port/$_") } @names);
        is $status, 0, "$way behind a proxy" or diag $output;
        ask_for($express, map { "/$_" } @names);
        my %route = measured($express, map { "/$_" } @names);
        is_as_given($way, $_, $route{"/$_"}, 0) for @names;
        Playcount::Process::end($pid);
    }
}

done_testing;
