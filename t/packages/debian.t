# The Debian packages: they build, lintian has nothing to say, each has what belongs to it
# and nothing more, and their version is that of VERSION. What they do when they are
# installed, upgraded and purged is the matter of t/soak/debian-packages.t.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Server;

for my $tool (qw(dpkg-buildpackage dh dh_apache2 lintian)) {
    plan skip_all => "no $tool" if system("command -v $tool > /dev/null") != 0;
}
chomp(my $version = Playcount::Server::slurp('VERSION'));
chomp(my $arch = qx(dpkg --print-architecture));
chomp(my $triplet = qx(dpkg-architecture -qDEB_HOST_MULTIARCH));
my $temp = File::Temp->newdir('playcount-deb-XXXXXX', DIR => '/tmp');
my $dir = "$temp/deb";

# Without optimization, as it builds faster; nothing here depends on it.
my $said = qx(DEB_BUILD_OPTIONS="noopt noautodbgsym" tools/deb $dir 2>&1);
is $?, 0, 'source and binary packages build' or diag substr $said, -4000;

sub contents
{
    my ($file) = @_;
    my %mode;
    for (split /\n/, qx(dpkg-deb --fsys-tarfile $file | tar tv)) {
        my ($mode, $owner, undef, undef, undef, $path) = split ' ', $_, 6;
        $path =~ s{^\./}{/};
        $path =~ s{ -> .*}{};
        $mode{$path} = "$mode $owner" unless $path =~ m{/$} && $path ne '/var/lib/playcount/';
    }
    return %mode;
}

sub package_file { return "$dir/$_[0]_$version-1_" . ($_[1] // $arch) . '.deb' }

# But for documents, each file by its name.
my %wanted = (
    'libapache2-mod-playcount' => [qw(
        /etc/apache2/mods-available/playcount.conf
        /etc/apache2/mods-available/playcount.load
        /usr/lib/apache2/modules/mod_playcount.so
        /usr/share/lintian/overrides/libapache2-mod-playcount
        /var/lib/playcount/)],
    'libplaycount1' => [map { "/usr/lib/$triplet/$_" }
        'libplaycount.so.1', "libplaycount.so.$version"],
    'libplaycount-dev' => [qw(/usr/include/apache2/mod_playcount.h /usr/include/playcount.h),
        (map { "/usr/lib/$triplet/$_" }
            qw(libplaycount.a libplaycount.so pkgconfig/libplaycount.pc)),
        '/usr/share/man/man3/libplaycount.3.gz'],
    'playcount' => [qw(/usr/bin/playcount /usr/share/bash-completion/completions/playcount
        /usr/share/man/man1/playcount.1.gz)],
    'playcount-express' => ['/usr/bin/playcount-express',
        '/usr/share/man/man1/playcount-express.1.gz',
        map { s{^express/}{/usr/share/playcount-express/}r } glob 'express/*.pm'],
);
for my $name (sort keys %wanted) {
    my $file = package_file($name, $name eq 'playcount-express' ? 'all' : $arch);
    ok -f $file, "$name is there, with the version of VERSION" or next;
    my %mode = contents($file);
    is_deeply [sort grep { !m{^/usr/share/doc/} } keys %mode], [sort @{ $wanted{$name} }],
        'it has these files and no others';
    is_deeply [grep { !m{ root/root$} } values %mode], [], 'all of them are root\'s';
    ok $mode{"/usr/share/doc/$name/copyright"}, 'with the license';
}
my $module = package_file('libapache2-mod-playcount');
my %mode = contents($module);
is $mode{'/var/lib/playcount/'}, 'drwx------ root/root', 'only root gets at the counts';
ok $mode{"/usr/share/doc/libapache2-mod-playcount/$_"}, "$_ comes with the module"
    for qw(docs/directives.md examples/httpd.conf.sample examples/grafana.json
        examples/prometheus.rules.yml changelog.gz);

# Nothing is enabled behind the administrator's back, nothing is deleted but by a purge.
qx(dpkg-deb -e $module $temp/control);
my $postinst = Playcount::Server::slurp("$temp/control/postinst");
unlike $postinst, qr/^\s*for conf in/m, 'what dh_apache2 would enable the module with is left out';
for my $script (qw(preinst postinst prerm postrm)) {
    my @lines = grep { m{/var/lib/playcount|rm -} }
        split /\n/, Playcount::Server::slurp("$temp/control/$script");
    is_deeply \@lines, $script eq 'postrm' ? ['    rm -rf /var/lib/playcount'] : [],
        "$script: counts are deleted by a purge alone";
}
is Playcount::Server::slurp("$temp/control/conffiles"), <<'EOF', 'the configuration is the administrator\'s';
/etc/apache2/mods-available/playcount.conf
/etc/apache2/mods-available/playcount.load
EOF

# What the build needs is said to apt-get by tools/install-deps, to others by debian/control.
my ($needed) = Playcount::Server::slurp('debian/control') =~ /^Build-Depends:(.*?)^\w/ms;
is_deeply [grep { !/^(?:libc6|apache2)-dev$/ && $needed !~ /\s\Q$_\E[\s,]/ }
    grep { /-dev$/ } split ' ', qx(tools/install-deps --list build)], [],
    'debian/control has all that the build needs';

# The source package.
my $archive = "$dir/mod-playcount_$version.orig.tar.xz";
is scalar(grep { m{/debian/|/build/} } split /\n/, qx(tar tf $archive)), 0,
    'the archive of the sources has neither debian/ nor what was built';
like qx(tar xOf $dir/mod-playcount_$version-1.debian.tar.xz debian/changelog),
    qr/^mod-playcount \(\Q$version\E-1\) /, 'the changelog begins with VERSION';

my $complaints = qx(lintian --allow-root --fail-on none --tag-display-limit 0 $dir/*.changes 2>/dev/null);
is join('', grep { /^[EW]: / } split /^/, $complaints), '', 'lintian: no error, no warning';

done_testing;
