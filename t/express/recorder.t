# playcount-express --recorder; records, show and replay; nothing of what strangers sent
# gives orders to a terminal.
use strict;
use warnings;
use Test::More;
use Playcount::Express;

$ENV{LC_ALL} = 'C.UTF-8';
my $express = Playcount::Express->new;
my $temp = $express->temp;
mkdir "$temp/files" or die $!;
mkdir "$temp/cgi" or die $!;
sub program
{
    my ($text) = @_;
    Playcount::Server::spew("$temp/cgi/program", "#!/bin/sh\n$text");
    chmod 0755, "$temp/cgi/program";
}
program(<<'EOF');
printf 'Content-Type: text/plain\r\nX-Version: 1\r\nSet-Cookie: id=hidden\r\n\r\n'
printf 'one\ntwo \033[31mred\033[0m\nthree\n'
cat
EOF
Playcount::Server::spew("$temp/files/data", join '', map { chr } 0 .. 255);
utime 1e9, 1e9, "$temp/files/data"; # the ETag of a new file is weak for a while

my ($status, $output) = $express->run('start-server', '--background', '--songs', '1k',
    '--processes', 2, '--recorder', '--recorder-keep', 50, '--document-root', "$temp/files",
    '--cgi', "/cgi=$temp/cgi");
is $status, 0, 'it starts' or diag $output;
my $dir = $express->root . '/requests';
like $output, qr/^  recorder +\Q$dir\E$/m, 'and says where it records';

my $n = 0;
sub wait_for
{
    my ($more) = @_;
    $n += $more;
    Playcount::Server::wait_until("$n records", sub { (() = glob "$dir/2*") >= $n });
    return;
}
sub command
{
    my (@arguments) = @_;
    ($status, $output) = $express->run(@arguments);
    unlike $output, qr/[^\t\n\x20-\x7e\x80-\xff]/, "@arguments: no control character";
    return $output;
}

like command('records'), qr/^Nothing is recorded in \Q$dir\E yet\.$/m, 'before the first request';
is $express->post('/cgi/program?q=1', content => "body \e]0;title\a caf\xc3\xa9\n" . 'text ' x 50, headers => {
    Cookie => 'id=hidden', 'Content-Type' => 'text/plain' })->{status}, 200, 'a request';
wait_for(1);
$express->get('/data');
wait_for(1);
$express->get('/metrics?format=json');
$express->get('/nowhere');
wait_for(1);

like command('records'), qr{
    ^\ +1\ \ \d{4}-\d\d-\d\d\ [\d:.]+\ \ 200\ \ POST\ \ \ /cgi/program\?q=1\n
    \ +2\ .*\ 200\ \ GET\ \ \ \ /data\n
    \ +3\ .*\ 404\ \ GET\ \ \ \ /nowhere\n\z}x, 'records lists them, without those of the page';
like command('records', 1), qr{\A +3 .*/nowhere\n\z}, 'or the last ones';
like command('show'), qr{^GET /nowhere HTTP/1\.1\n.*^HTTP/1\.1 404 .*<h1>Not Found}ms,
    'show prints the last';
is command('show', 'last'), $output, 'which is `last`, too';
like command('show', 1), qr{^POST /cgi/program\?q=1 HTTP/1\.1$}m, 'or one by its number';
like $output, qr/^Cookie: \[masked\]$/m, 'its headers';
like $output, qr/^body \\x1b\]0;title\\x07 caf\xc3\xa9$/m, 'its body, made harmless';
like $output, qr/^Set-Cookie: \[masked\]$/m, 'the headers of the response';
like $output, qr/^two \\x1b\[31mred\\x1b\[0m$/m, 'and its body';
like command('show', 'data'), qr/^00000040  40 41 42 .*  \@ABC/m, 'binary bodies in hexadecimal';
command('show', 99);
is $status, 1, 'a number that there is not is refused';
like $output, qr/there is no record 99; playcount-express records lists them/, 'in a sentence';
command('records', "a\eb");
is $status, 1, 'so is what is no number';

# Again.
like command('replay', 2), qr{\AGET /data .*^status   the same, 200 OK\n^headers  the same\n^body     the same, 256 bytes\n\z}ms,
    'replay sends a request again: nothing differs';
is $status, 0, 'and says so with its exit status';
wait_for(1);
program(<<'EOF');
printf 'Status: 500 Oh no\r\nContent-Type: text/plain\r\nX-Version: 2\r\nSet-Cookie: id=other\r\n\r\n'
printf 'one\ntwo \033[32mgreen\033[0m\nthree\n'
cat
EOF
command('replay', 1);
is $status, 5, 'another answer is said with the exit status';
wait_for(1);
like $output, qr/^not sent: Cookie, which the recorder masked/m, 'masked headers are not sent';
like $output, qr/^status   200 OK -> 500 /m, 'the status';
like $output, qr/^headers  differ\n  - x-version: 1\n  \+ x-version: 2\n/m,
    'the headers, but for the date and what was masked';
like $output, qr/^  -two \\x1b\[31mred\\x1b\[0m\n  \+two \\x1b\[32mgreen\\x1b\[0m\n   three$/m,
    'the lines of a text';
like command('replay', 1, '--header', 'Cookie: given'), qr/\APOST [^\n]*\nstatus/, 'a header that is given';
wait_for(1);
my $data = join '', map { chr } 0 .. 255;
substr $data, 100, 1, 'x';
Playcount::Server::spew("$temp/files/data", $data);
like command('replay', 2), qr/^body     differs, 256 and 256 bytes, the first difference is at byte 100$/m,
    'other bodies by size and first difference';
wait_for(1);

# What cannot be sent.
$express->post('/cgi/program', content => 'x' x 70_000);
wait_for(1);
command('replay');
is $status, 1, 'a body that was not recorded in full';
like $output, qr/was not recorded to its end \(64000 of 70000 bytes\): record more of it/,
    'is not sent';
command('replay', 2, '--to', 'nowhere');
like $output, qr/--to must be a URL/, 'nor anything to no URL';
command('replay', 2, '--header', "A: b\r\nC: d");
like $output, qr/--header must be 'NAME: VALUE'/, 'nor two headers for one';

($status) = $express->run('stop');
command('replay', 2);
is $status, 1, 'without a server';
like $output, qr/cannot connect to \S+: .*is the server running/, 'it says so';
like command('show', 2), qr/^GET \/data/m, 'but shows records';
my $other = Playcount::Express->new;
($status, $output) = $other->run('records');
is $status, 1, 'where nothing is recorded';
like $output, qr/nothing is recorded here: start the server with --recorder/, 'it says how to';
($status, $output) = $other->run('setup-server', '--recorder-keep', 5);
like $output, qr/--recorder-keep is for --recorder/, 'options without their option are refused';

done_testing;
