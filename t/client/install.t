# What is installed can be used: library shared and static, pkg-config, manual.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Playcount::Command qw(run_program);
use Playcount::Server;

plan skip_all => 'no pkg-config' if system('pkg-config --version > /dev/null 2>&1') != 0;

my $dir = File::Temp->newdir;
my $root = "$dir/root";
chomp(my $version = Playcount::Server::slurp('VERSION'));

sub run { my $out = qx(($_[0]) 2>&1); return wantarray ? ($?, $out) : $out }

my ($status, $out) = run("make -s install-client DESTDIR=$root PREFIX=/opt/playcount");
is $status, 0, 'make install-client with DESTDIR and PREFIX' or diag $out;
my @files = map { s{^\Q$root\E}{}r } split /\n/, run("find $root ! -type d | sort");
is_deeply \@files, [map { s/VERSION/$version/r } map { "/opt/playcount/$_" } qw(
    bin/playcount
    include/playcount.h
    lib/libplaycount.a
    lib/libplaycount.so
    lib/libplaycount.so.1
    lib/libplaycount.so.VERSION
    lib/pkgconfig/libplaycount.pc
    share/bash-completion/completions/playcount
    share/man/man1/playcount.1
    share/man/man3/libplaycount.3
)], 'these files and no others';

# The example of the manual, as a program.
my ($example) = Playcount::Command::slurp('client/playcount.h') =~ /^( \*     playcount_options options;.*?) \*\n \* Compile/ms;
$example =~ s/^ \*//mg;
my $server = Playcount::Server->new(songs => '1k');
$example =~ s{http://127.0.0.1:8000/}{$server->url}e;
Playcount::Server::spew("$dir/example.c", <<"EOF");
#include <stdio.h>
#include <playcount.h>
int main(void)
{
$example
printf("%d\\n", (int)count);
return 0;
}
EOF
my $pc = "PKG_CONFIG_LIBDIR=$root/opt/playcount/lib/pkgconfig:\$(pkg-config --variable pc_path pkg-config) "
    . "PKG_CONFIG_SYSROOT_DIR=$root pkg-config";
is run("PKG_CONFIG_LIBDIR=$root/opt/playcount/lib/pkgconfig pkg-config --modversion libplaycount"),
    "$version\n", 'pkg-config knows it';

($status, $out) = run("cc -Wall -Werror -o $dir/shared $dir/example.c \$($pc --cflags --libs libplaycount)");
is $status, 0, 'the example of the manual compiles' or diag $out;
my $run = run_program({ env => { LD_LIBRARY_PATH => "$root/opt/playcount/lib" } }, "$dir/shared");
is $run->{out}, "1\n", 'and plays' or diag $run->{err};
like run("LD_LIBRARY_PATH=$root/opt/playcount/lib ldd $dir/shared"), qr/libplaycount\.so\.1 => /, 'with the shared library';

($status, $out) = run("cc -Wall -Werror -o $dir/static $dir/example.c -I$root/opt/playcount/include "
    . "$root/opt/playcount/lib/libplaycount.a -lcurl -lmd -pthread");
is $status, 0, 'it links with the static library' or diag $out;
is run_program("$dir/static")->{out}, "2\n", 'and plays';

# It is C++, too.
SKIP: {
    skip 'no C++ compiler', 1 if system('c++ --version > /dev/null 2>&1') != 0;
    ($status, $out) = run("c++ -x c++ -Wall -Wextra -Werror -fsyntax-only -I$root/opt/playcount/include "
    . "-include playcount.h /dev/null");
    is $status, 0, 'the header is C++' or diag $out;
}

# The library offers what the header says, and nothing else.
my @offered = sort map { (split)[2] } split /\n/,
    run("nm -D --defined-only $root/opt/playcount/lib/libplaycount.so.$version");
my $header = Playcount::Command::slurp('client/playcount.h');
my %declared = map { $_ => 1 } $header =~ /PLAYCOUNT_API\s[^;]*?(playcount_\w+)\(/gs;
is_deeply \@offered, [sort keys %declared], 'the library has the functions of the header and no others';
my $manual = Playcount::Command::slurp('client/man/libplaycount.3');
is join(' ', grep { $manual !~ /\b$_\(/ } sort keys %declared), '', 'the manual page has all of them';

# It has no state of its own and prints nothing.
my $symbols = run("nm $root/opt/playcount/lib/libplaycount.a");
is join(' ', grep { !/^(?:turns|sines|digits|known|names|bytes)/ } $symbols =~ /^[0-9a-f]+ [bBdDC] (\S+)$/mg), '',
    'the library has no variables';
unlike $symbols, qr/ U (?:printf|puts|putchar|fputs|stdout|stderr|perror)$/m, 'the library prints nothing';

# The manual pages name every option and are well-formed.
my $help = run('build/client/playcount --help');
my $page = Playcount::Command::slurp('client/man/playcount.1') =~ s/\\-/-/gr;
is join(' ', grep { $page !~ /\Q$_\E\b/ } $help =~ /(--[a-z-]+)/g), '', 'playcount(1) has every option of --help';
SKIP: {
    skip 'no man', 2 if system('man --version > /dev/null 2>&1') != 0;
    for my $name ('playcount.1', 'libplaycount.3') {
        is run("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l client/man/$name > /dev/null"), '',
            "$name is without faults";
    }
}

done_testing;
