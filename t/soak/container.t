# Containerfile: the image builds, serves on all addresses as a user of its own, and the
# counts in its volume outlive the container. Its base is made here by mmdebstrap, so no
# registry is asked. Where podman cannot run containers, buildah runs it in a chroot.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use POSIX ();
use Playcount::Server;

plan skip_all => 'needs root' if $> != 0;
for my $tool (qw(mmdebstrap buildah podman)) {
    plan skip_all => "no $tool" if system("command -v $tool > /dev/null") != 0;
}
my $temp = File::Temp->newdir('playcount-container-XXXXXX', DIR => '/tmp');
my $store = "--root $temp/store --runroot $temp/run --storage-driver vfs";
END { system("podman $store rm -af > /dev/null 2>&1; buildah $store rm -a > /dev/null 2>&1") if $temp && -d "$temp/store" }

chomp(my $suite = qx(. /etc/os-release && echo \$VERSION_CODENAME));
my @lists = grep { -s } '/etc/apt/sources.list', glob '/etc/apt/sources.list.d/*.{list,sources}';
system("mmdebstrap --variant=apt $suite $temp/base.tar @lists > $temp/log 2>&1 < /dev/null") == 0
    or die(substr Playcount::Server::slurp("$temp/log"), -4000);
system("podman $store import $temp/base.tar localhost/base > $temp/log 2>&1") == 0
    or die(Playcount::Server::slurp("$temp/log"));
unlink "$temp/base.tar";
system("buildah $store bud --isolation chroot --build-arg BASE=localhost/base -t localhost/playcount . > $temp/log 2>&1");
is $?, 0, 'the image builds' or die(substr Playcount::Server::slurp("$temp/log"), -4000);

# How containers run here: by podman with a runtime that works, or by buildah.
my $limits = '--ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --network host';
my ($podman) = grep { system("$_ --rm $limits --entrypoint /bin/true localhost/playcount > $temp/log 2>&1") == 0 }
    map { "podman $store --runtime $_ run" } qw(crun runc);
diag $podman ? "by $podman" : 'by buildah in a chroot';
mkdir "$temp/volume";
my $owner = qx(buildah $store from --name owner localhost/playcount > /dev/null && buildah $store run --isolation chroot owner -- id -u);
chomp $owner;
cmp_ok $owner, '>', 0, 'it runs as a user of its own';
chown $owner, $owner, "$temp/volume";

my $port = Playcount::Server::free_port();
my $pid;
sub start
{
    my @options = ('--port', $port, '--songs', '1k');
    my @command = $podman
        ? (split(' ', "$podman --rm $limits"), '-v', "$temp/volume:/srv/playcount", 'localhost/playcount', @options)
        : ('sh', '-c', "exec buildah $store run --isolation chroot -v $temp/volume:/srv/playcount owner -- "
            . "playcount-express start-server --server-root /srv/playcount --host 0.0.0.0 --log-to-terminal @options");
    $pid = Playcount::Process::start({ out => "$temp/log" }, @command);
    Playcount::Server::wait_until('the container serves', sub {
        die(Playcount::Server::slurp("$temp/log")) if waitpid($pid, POSIX::WNOHANG) == $pid;
        return qx(curl -s http://127.0.0.1:$port/song/1) =~ /^\d+$/;
    });
}
sub stop
{
    return Playcount::Process::end($pid);
}
start();
is qx(curl -s -X POST http://127.0.0.1:$port/song/1), '1', 'it counts';
my ($listens) = grep { /:$port\s/ } split /\n/, qx(ss -ltn 2>/dev/null);
like $listens // '', qr/0\.0\.0\.0:$port/, 'on all addresses';
my @owners = map { (stat "/proc/$_")[4] } grep { Playcount::Server::slurp("/proc/$_/cmdline") =~ m{-f\0/srv/playcount/httpd\.conf} }
    map { m{(\d+)} } glob '/proc/[0-9]*';
cmp_ok scalar(@owners), '>', 1, 'httpd runs';
is_deeply [grep { $_ != $owner } @owners], [], 'no process of it as root';
is stop(), 0, 'SIGTERM stops it';
like Playcount::Server::slurp("$temp/log"), qr/^Stopped\.$/m, 'in order';
start();
is qx(curl -s http://127.0.0.1:$port/song/1), '1', 'another container has the counts';
stop();

done_testing;
