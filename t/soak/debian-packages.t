# The Debian packages in a clean chroot: installed, enabled, asked, upgraded while httpd
# runs, removed, installed again, purged; the counts stay until the purge. `make deb-test`
# runs this. Debian's archive is the one that this machine's apt uses.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Server;

plan skip_all => 'needs root' if $> != 0;
for my $tool (qw(mmdebstrap dpkg-buildpackage dh_apache2)) {
    plan skip_all => "no $tool" if system("command -v $tool > /dev/null") != 0;
}
my $temp = File::Temp->newdir('playcount-chroot-XXXXXX', DIR => '/tmp');

# Two versions of this tree: the second is a release later.
chomp(my $version = Playcount::Server::slurp('VERSION'));
(my $next = $version) =~ s/(\d+)$/$1 + 1/e;
sub build
{
    my ($from, $to) = @_;
    my $said = qx(cd $from && DEB_BUILD_OPTIONS='noopt noautodbgsym' tools/deb $temp/$to -b 2>&1);
    is $?, 0, "$to is built" or die(substr $said, -4000);
}
build('.', $version);
mkdir "$temp/tree";
system("tar xJf $temp/$version/*.orig.tar.xz --strip-components 1 -C $temp/tree && cp -r debian $temp/tree") == 0
    or die "no second tree\n";
Playcount::Server::spew("$temp/tree/VERSION", "$next\n");
build("$temp/tree", $next);

# What happens inside, as TAP. policy-rc.d keeps httpd from being started by apt until
# the test says otherwise, as it must not before it listens on a port of our own.
my ($port, $express) = map { Playcount::Server::free_port() } 1, 2;
Playcount::Server::spew("$temp/steps", <<"EOF" . <<'EOF');
one=/packages/$version two=/packages/$next version=$version next=$next
port=$port express=$express
EOF
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
n=0
ok() { n=$((n + 1)); echo "${2}ok $n - $1" >&3; }
try() { local name=$1; shift; echo "--- $name: $*"; if "$@"; then ok "$name" ''; else ok "$name" 'not '; fi; }
is() { try "$1" test "$2" = "$3"; }
install() { apt-get -q -y --no-install-recommends install "$@"; }
get() { curl -s --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port$1"; }
play() { curl -s -X POST "http://127.0.0.1:$port/plays/song/42"; }
status() { curl -s -o /dev/null -w '%{http_code}' --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port$1"; }
served() { get /playcount-metrics | sed -n 's/^playcount_build_info{version="\([^"]*\)".*/\1/p'; }
state() { a2query -m playcount > /dev/null 2>&1 && echo enabled || echo disabled; }
allow() { printf '#!/bin/sh\nexit 0\n' > /usr/sbin/policy-rc.d; }

try 'the packages install' install apache2 curl $one/libapache2-mod-playcount_*.deb $one/playcount_*.deb \
    $one/playcount-express_*.deb $one/libplaycount1_*.deb
is 'the module is not enabled' "$(state)" disabled
is 'its directory is for root alone' "$(stat -c '%a %U:%G' /var/lib/playcount)" '700 root:root'
try 'what the library needs to be built with can be installed' \
    apt-get -q -s install $one/libplaycount-dev_*.deb

sed -i "s/^Listen 80$/Listen 127.0.0.1:$port/" /etc/apache2/ports.conf
sed -i "s/\*:80/*:$port/" /etc/apache2/sites-available/000-default.conf
echo 'ServerName localhost' > /etc/apache2/conf-enabled/name.conf
try 'a2enmod' a2enmod -q playcount
try 'the configuration is right as it comes' apache2ctl configtest
allow
try 'httpd starts' service apache2 start
is 'the site is served' "$(status /)" 200
is 'a play is counted' "$(play)" 1
is 'the command counts, too' "$(playcount -s "http://127.0.0.1:$port/plays/" play 42)" 2
is 'the version' "$(served)" "$version"
try 'the manual pages are there' test -e /usr/share/man/man1/playcount.1.gz

# As any user, beside the system's httpd.
install -y adduser > /dev/null
adduser --quiet --disabled-password --gecos '' listener
user() { su listener -c "cd; $*"; }
try 'playcount-express starts' user playcount-express start-server --background --songs 1k --port $express
is 'it counts' "$(curl -s -X POST "http://127.0.0.1:$express/song/1")" 1
try 'it stops' user playcount-express stop

echo '# mine' >> /etc/apache2/mods-available/playcount.conf
try 'an upgrade' install $two/libapache2-mod-playcount_*.deb $two/playcount_*.deb \
    $two/playcount-express_*.deb $two/libplaycount1_*.deb
is 'it is served without a restart by hand' "$(served)" "$next"
is 'the counts are kept' "$(get /plays/song/42)" 2
is 'and counting goes on' "$(play)" 3
is 'changes of the configuration are kept' "$(tail -n 1 /etc/apache2/mods-available/playcount.conf)" '# mine'

try 'removed' apt-get -q -y remove libapache2-mod-playcount
is 'httpd serves without it' "$(status /)" 200
is 'there is no counter any more' "$(status /plays)" 404
try 'the counts are still there' test -s /var/lib/playcount/default
try 'installed again' install $two/libapache2-mod-playcount_*.deb
is 'it is enabled as it was' "$(state)" enabled
is 'with its counts' "$(get /plays/song/42)" 3
a2dismod -q playcount && apt-get -q -y remove libapache2-mod-playcount
install $two/libapache2-mod-playcount_*.deb
is 'what the administrator disabled stays disabled' "$(state)" disabled
a2enmod -q playcount && service apache2 restart

try 'purged' apt-get -q -y purge libapache2-mod-playcount playcount libplaycount1
is 'httpd serves without it' "$(status /)" 200
service apache2 stop
userdel -r listener 2> /dev/null
is 'nothing is left' "$(find / -xdev -path /packages -prune -o -path /proc -prune -o \
    -name '*playcount*' -not -path '/steps' -print)" ''
echo "1..$n" >&3
EOF

# mmdebstrap installs with the machine's list of archives, and what apt was told of them.
chomp(my $suite = qx(. /etc/os-release && echo \$VERSION_CODENAME));
my @lists = grep { -s } '/etc/apt/sources.list', glob '/etc/apt/sources.list.d/*.{list,sources}';
Playcount::Server::spew("$temp/apt.conf", join '', grep { /^Acquire::(?!IndexTargets|Languages)/ }
    split /^/, qx(apt-config dump));
Playcount::Server::spew("$temp/run", <<"EOF");
mmdebstrap --variant=apt --aptopt=$temp/apt.conf \\
    --customize-hook='mkdir -p "\$1/packages"' \\
    --customize-hook='cp -r $temp/$version $temp/$next "\$1/packages/"' \\
    --customize-hook='cp $temp/steps "\$1/steps"' \\
    --customize-hook='chroot "\$1" sh /steps 3> $temp/tap' \\
    --format=null $suite /dev/null @lists < /dev/null > $temp/log 2>&1
EOF
system('sh', "$temp/run");
is $?, 0, 'the chroot was made and is gone again' or diag substr Playcount::Server::slurp("$temp/log"), -6000;
my @steps = split /\n/, Playcount::Server::slurp("$temp/tap");
ok /^ok/, s/^(?:not )?ok \d+ - //r for grep { /^(?:not )?ok/ } @steps;
like $steps[-1] // '', qr/^1\.\.\d/, 'to the last step';
diag substr Playcount::Server::slurp("$temp/log"), -20000 if grep { /^not/ } @steps;

done_testing;
