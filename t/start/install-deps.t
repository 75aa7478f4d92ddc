# tools/install-deps installs what is missing and nothing else, keeps services
# from starting meanwhile and leaves policy-rc.d as it was. Here its commands
# (dpkg-query, apt-get, id, sudo) are replaced by ones that only take notes.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Playcount::Server;

(my $top = $INC{'Playcount/Server.pm'}) =~ s{t/lib/Playcount/Server\.pm$}{};
my $dir = File::Temp->newdir('playcount-t-XXXXXX', DIR => '/tmp');
my $policy = "$dir/policy-rc.d";

sub fake
{
    my ($name, $script) = @_;
    Playcount::Server::spew("$dir/$name", "#!/bin/sh\n$script\n");
    chmod 0755, "$dir/$name";
}

sub run
{
    unlink "$dir/notes";
    local $ENV{PLAYCOUNT_POLICY} = $policy;
    # Only the fakes and what the shell needs.
    for my $tool (qw(sh sed grep sort tr mv rm chmod cat)) {
        my ($path) = grep { -x } map { "$_/$tool" } '/usr/bin', '/bin';
        symlink $path, "$dir/$tool";
    }
    local $ENV{PATH} = "$dir";
    my $output = `${top}tools/install-deps @_ 2>&1`;
    return ($? >> 8, $output, Playcount::Server::slurp("$dir/notes"));
}

my $everything = "shift 3; for p; do echo installed \$p; done";
my $notes = qq(echo "\$0 \$*" >> $dir/notes);
fake('apt-get', "$notes; $policy; echo policy \$? >> $dir/notes");
fake('id', 'echo 0');

fake('dpkg-query', $everything);
my ($status, $output, $done) = run('build', 'run', 'test');
is $status, 0, 'nothing is missing';
is "$output$done", '', 'nothing is said or done';

fake('dpkg-query', "$everything | sed /libjansson-dev/d");
($status, $output, $done) = run('build');
is $status, 0, 'one package is missing';
like $done, qr/apt-get .*install libjansson-dev$/m, 'it is installed, alone';
unlike $done, qr/ apache2( |$)/m, 'never the package that starts the system\'s httpd';
like $done, qr/^policy 101$/m, 'no service may start meanwhile';
ok !-e $policy, 'and there is no policy afterwards, as before';

Playcount::Server::spew($policy, "#!/bin/sh\nexit 104\n");
chmod 0700, $policy;
my @before = (stat $policy)[1, 2, 4, 5, 9];
($status, $output, $done) = run('build');
like $done, qr/^policy 101$/m, 'with a policy of before: ours meanwhile';
is_deeply [(stat $policy)[1, 2, 4, 5, 9]], \@before, 'and then the same file again';

fake('apt-get', 'kill -TERM $PPID; exit 1');
($status, $output, $done) = run('build');
isnt $status, 0, 'interrupted';
is_deeply [(stat $policy)[1, 2, 4, 5, 9]], \@before, 'the same file again';

fake('apt-get', 'exit 100');
($status, $output) = run('build');
isnt $status, 0, 'it cannot be installed';
like $output, qr/could not install: libjansson-dev/, 'and is named';

fake('id', 'echo 1000');
fake('apt-get', $notes);
($status, $output, $done) = run('build');
isnt $status, 0, 'no root, no sudo';
like $output, qr/\A.*as root.* libjansson-dev *\n\z/, 'one sentence names the packages';
is $done, '', 'nothing is tried';

fake('sudo', "$notes; [ \$1 = -n ] || { shift; exec sh \"\$@\"; }");
($status, $output, $done) = run('build');
is $status, 0, 'with sudo';
like $done, qr/apt-get .*install libjansson-dev$/m, 'it is installed';

done_testing;
