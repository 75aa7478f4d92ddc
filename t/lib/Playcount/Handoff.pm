package Playcount::Handoff;

# What the tests of handing over have in common.

use strict;
use warnings;
use Exporter qw(import);
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep);

use Playcount::Server;

our @EXPORT = qw(rounds database_directory sqlite sqlite_make sqlite_counts sqlite_refused
    sqlite_dbd
    listing settle bounds_ok counts_ok total nap);

# After failures delivery pauses, for up to 60 s.
$Playcount::Server::PATIENCE = $ENV{PATIENCE} || 180;

# How often to kill: ROUNDS, or what a short test does.
sub rounds { $ENV{ROUNDS} || $_[0] }

# Between so many seconds, at random.
sub nap { my ($from, $to) = @_; sleep $from + rand($to - $from) }

# A directory that httpd's children may write to.
sub database_directory
{
    my $dir = File::Temp->newdir('playcount-db-XXXXXX', DIR => '/tmp');
    chmod 0755, "$dir";
    chown scalar(getpwnam 'www-data'), -1, "$dir" if $> == 0;
    return $dir;
}

# A statement on an SQLite file, as rows of "a|b".
sub sqlite
{
    my ($file, $sql) = @_;
    return '' unless -e $file;
    open my $from, '-|', 'sqlite3', '-cmd', '.timeout 10000', $file, $sql
        or die "sqlite3: $!";
    local $/;
    my $answer = <$from> // '';
    close $from;
    return $answer;
}

# A new file with these tables, for httpd's children.
sub sqlite_make
{
    my ($file, $sql) = @_;
    system('sqlite3', $file, $sql) == 0 or die "sqlite3: $sql\n";
    chown scalar(getpwnam 'www-data'), -1, $file if $> == 0;
}

sub sqlite_counts
{
    my ($file, $table) = @_;
    $table //= 'playcount';
    return {} unless sqlite($file,
        "SELECT 1 FROM sqlite_master WHERE name = '$table'");
    return { map { split /\|/ } split /\n/, sqlite($file, "SELECT * FROM $table") };
}

# A statement on the table of what was refused, as soon as there is one.
sub sqlite_refused
{
    my ($file, $sql) = @_;
    return '' unless sqlite($file,
        "SELECT 1 FROM sqlite_master WHERE name = 'playcount_refused'");
    return sqlite($file, $sql);
}

sub sqlite_dbd
{
    my ($file) = @_;
    return "DBDriver sqlite3\nDBDParams $file\nDBDPersist Off\n";
}

# The zone's own counts.
sub listing
{
    my ($server, $root) = @_;
    $server->hang_up; # the server closes what has been idle for long
    my $answer = $server->get($root // '/');
    die "GET /: $answer->{status} $answer->{content}\n" unless $answer->{status} == 200;
    return { map { split /=/ } split /,/, $answer->{content} };
}

sub same
{
    my ($a, $b) = @_;
    return 0 unless keys %$a == keys %$b;
    for (keys %$a) {
        return 0 unless defined $b->{$_} && $a->{$_} == $b->{$_};
    }
    return 1;
}

# Wait until the code gives the counts that are wanted; those it gave last.
sub settle
{
    my ($code, $wanted) = @_;
    my $counts;
    eval {
        Playcount::Server::wait_until('delivery', sub {
            $counts = eval { $code->() } // {};
            return 1 if same($counts, $wanted);
            sleep 0.1; # asking a database starts a process
            return 0;
        });
    };
    return $counts;
}

sub total { my $n = 0; $n += $_ for values %{ $_[0] }; return $n }

sub counts_ok
{
    my ($counts, $wanted, $name) = @_;
    my @wrong = grep { ($counts->{$_} // 0) != ($wanted->{$_} // 0) }
        sort keys %{ { %$counts, %$wanted } };
    ok !@wrong, $name
        or diag scalar(@wrong), ' songs: ', join ', ', map { "$_: " . ($counts->{$_} // 0)
            . ' instead of ' . ($wanted->{$_} // 0) } grep { defined } @wrong[0 .. 19];
}

# Every acknowledged play is there once; of those without an answer, some may be.
sub bounds_ok
{
    my ($counts, $played, $name) = @_;
    my @wrong;
    for my $song (sort keys %{ { %$counts, %{ $played->{acked} } } }) {
        my $least = $played->{acked}{$song} // 0;
        my $most = $least + ($played->{maybe}{$song} // 0);
        my $count = $counts->{$song} // 0;
        push @wrong, "$song: $count, not in $least..$most"
            if $count < $least || $count > $most;
    }
    ok !@wrong, $name or diag join ', ', @wrong;
    note total($counts), ' plays, of which ', total($played->{acked}),
        ' acknowledged; ', total($played->{maybe}), ' without an answer';
}

1;
