package Options;

# The commands and options of playcount-express, in one table: what --help says, what the
# command line may hold. A new option is a row here; whoever needs it reads it from the hash
# that read() returns. What a value may be is for Checks.pm or the file that uses it.

use strict;
use warnings;
use Getopt::Long ();

# [name, help, arguments, if it takes any]
our @COMMANDS = (
    ['start-server', 'configure and start; Ctrl-C stops it'],
    ['stop', 'stop it'],
    ['graceful', 'read httpd.conf again without failing a request'],
    ['status', 'say whether it runs, and how; the exit status is 3 when it does not'],
    ['records', 'list what --recorder has recorded, the last N', '[N]'],
    ['show', 'print one record, by its number or name, or the last', '[N|last]'],
    ['replay', 'send its request again and say what differs', '[N|last]'],
    ['setup-server', 'write the configuration only and say how to start it'],
);

# Groups for --help: heading, the commands that take the options, and these as
# [name, argument, help, repeatable]. An option without an argument is a switch; one whose
# argument stands in brackets may go without. A switch --no-NAME has a --NAME, too, which is
# the default: $option->{NAME} is 0 or 1 if one of them was given. In help @root@ is the
# default server root.
my @server = qw(start-server setup-server);
our @GROUPS = (
    ['Options of all commands', [map { $_->[0] } @COMMANDS],
        ['server-root', 'DIR', 'where it keeps everything (@root@)'],
    ],
    ['Where it listens', \@server,
        ['host', 'HOST', 'address to listen on (127.0.0.1)'],
        ['port', 'PORT', 'port to listen on (8000)'],
        ['listen', '[HOST:]PORT', 'listen there too; repeatable', 1],
        ['https-port', 'PORT', 'HTTPS, by a certificate that is made at the first start'],
        ['http2', undef, 'speak HTTP/2, too'],
        ['server-name', 'NAME', 'what the server calls itself (the host)'],
    ],
    ['What it serves; PATH is where, / if it is not given', \@server,
        ['document-root', 'DIR', 'files; what is not there is for the applications'],
        ['wsgi', '[PATH=]FILE', 'a WSGI script, by mod_wsgi; repeatable', 1],
        ['wsgi-processes', 'N', 'run it in processes of its own, not in those of httpd'],
        ['wsgi-threads', 'N', 'how many threads of a process run it'],
        ['proxy', '[PATH=]URL', 'another server: http, uwsgi, fcgi and others; repeatable', 1],
        ['cgi', '[PATH=]DIR', 'CGI programs; repeatable', 1],
        ['php', undef, 'PHP scripts in the document root, by mod_php or php-fpm'],
        ['env', 'NAME=VALUE', 'in the environment of applications; repeatable', 1],
        ['plays-path', 'PATH', 'the counter (/; /plays beside an application)'],
        ['metrics-path', 'PATH', 'the live page and the metrics (/metrics)'],
    ],
    ['What it counts', \@server,
        ['songs', 'N', 'how many songs fit; k and m for thousands and millions'],
        ['zone-file', 'PATH', 'where the counts are kept (SERVER_ROOT/counts)'],
        ['database', 'PATH', 'hand the plays over to this SQLite database'],
        ['redis', 'HOST:PORT', 'share the counts by this Redis or Redis Cluster; several with commas'],
    ],
    ['What it records', \@server,
        ['recorder', '[DIR]', 'requests and responses as they passed (SERVER_ROOT/requests)'],
        ['recorder-keep', 'N', 'how many, the last (1000)'],
        ['recorder-body', 'BYTES', 'how much of each body (64000)'],
        ['recorder-secrets', undef, 'cookies and passwords in headers, too'],
    ],
    ['Options of records, show and replay', [qw(records show replay)],
        ['recorder', 'DIR', 'where the records are (where the last start had them)'],
    ],
    ['Options of replay', ['replay'],
        ['to', 'URL', 'which server to send it to (the one of the server root)'],
        ['header', 'NAME:VALUE', 'instead of the one recorded; repeatable', 1],
    ],
    ['How it runs', \@server,
        ['mpm', 'NAME', 'event, worker or prefork (event)'],
        ['processes', 'N', 'how many processes (4; prefork: 64)'],
        ['threads', 'N', 'how many threads in each (32)'],
        ['no-lane', undef, 'without the loop for the simplest requests (docs/lane.md)'],
        ['many-connections', undef, 'be ready for 10,000 open connections and more'],
        ['include-file', 'FILE', 'include this file at the end of httpd.conf; repeatable', 1],
        ['user', 'NAME', 'who it serves as when root starts it (www-data)'],
        ['group', 'NAME', 'the group for that (the group of that user)'],
        ['log-to-terminal', undef, 'write the logs to the terminal'],
        ['access-log', '[FORMAT]', 'write logs/access_log, in this LogFormat if given'],
        ['startup-log', undef, 'write what httpd says at its start to logs/startup_log'],
        ['reload-on-changes', undef, 'restart gracefully when application or configuration change'],
        ['background', undef, 'come back when it serves'],
        ['debug-mode', undef, 'one process in the foreground, for gdb (httpd -X)'],
        ['debugger', undef, 'with --debug-mode: under gdb'],
        ['profiler', undef, 'perf samples it; a report and a flame graph at the stop'],
    ],
);

sub usage
{
    my ($root) = @_;
    my $text = <<'EOF_USAGE';
usage: playcount-express COMMAND [OPTION]...

Runs a private httpd, apart from the system's own, that counts plays, serves an
application if there is one, and measures all requests.

Commands:
EOF_USAGE
    for my $command (@COMMANDS) {
        my ($name, $help, $arguments) = @$command;
        $text .= sprintf "  %-16s %s\n", $name . ($arguments ? " $arguments" : ''), $help;
    }
    for my $group (@GROUPS) {
        my ($heading, undef, @rows) = @$group;
        $text .= "\n$heading:\n";
        for my $row (@rows) {
            my ($name, $argument, $help) = @$row;
            my $left = "--$name" . (defined $argument ? " $argument" : '');
            $help =~ s/\@root\@/$root/;
            $text .= length $left > 20 ? "  $left\n" . ' ' x 23 . "$help\n"
                : sprintf "  %-20s %s\n", $left, $help;
        }
    }
    return $text;
}

# What Getopt::Long calls the options of this command.
sub specifications
{
    my ($command) = @_;
    my @found;

    for my $group (@GROUPS) {
        my (undef, $commands, @rows) = @$group;
        next unless grep { $_ eq $command } @$commands;
        for my $row (@rows) {
            my ($name, $argument, undef, $many) = @$row;
            push @found, $name =~ s/^no-(.*)/$1!/r . (!defined $argument ? '' : $argument =~ /^\[\w+\]$/ ? ':s' : '=s')
                . ($many ? '@' : '');
        }
    }
    return @found;
}

# Reads the command line: the command, its options by name, and its arguments. Repeatable
# options are arrays, empty if not given. Dies with a sentence; the command is undefined if
# there is none that we know, and 'help' if --help was asked for.
sub read
{
    my (@arguments) = @_;
    my $command = shift @arguments // '';
    my %option;

    return ('help') if $command =~ /^(--help|-h|help)$/;
    my ($row) = grep { $_->[0] eq $command } @COMMANDS or return;
    for my $group (@GROUPS) {
        $option{ $_->[0] } = [] for grep { ref && $_->[3] } @$group[2 .. $#$group];
    }
    my $parser = Getopt::Long::Parser->new(config => ['no_auto_abbrev']);
    local $SIG{__WARN__} = sub {
        my $text = lcfirst $_[0];
        chomp $text;
        die "$text; see playcount-express --help\n";
    };
    $parser->getoptionsfromarray(\@arguments, \%option, specifications($command), 'help|h')
        or die "see playcount-express --help\n";
    return ('help') if $option{help};
    die "$arguments[0] is not an option of $command; see playcount-express --help\n"
        if @arguments && !$row->[2];
    return ($command, \%option, @arguments);
}

1;
