# Whatever bytes come, what is printed of them gives no orders to a terminal.
use strict;
use warnings;
use Test::More;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib abs_path(dirname(__FILE__) . '/../../express');
use Encode ();
use Plain;

my $top = abs_path(dirname(__FILE__) . '/../../express');

# With each kind of terminal, in a process of its own, as the locale is asked once.
for my $locale (qw(C.UTF-8 C)) {
    local $ENV{LC_ALL} = $locale;
    my $program = <<'EOF';
use Plain;
srand 1;
my @strange = map { my $c = $_; utf8::encode($c); $c } map { chr } 0x80 .. 0x9f, 0x200e, 0x202e, 0x2066, 0xfeff, 0xe0041;
for my $round (1 .. 3000) {
    my $bytes = join '', map { rand() < .5 ? chr int rand 256 : rand() < .5 ? "caf\xc3\xa9" : $strange[rand @strange] }
        1 .. 1 + rand 30;
    print Plain::text($bytes), Plain::word($bytes), Plain::dump($bytes, 64), "\n";
}
EOF
    open my $out, '-|', $^X, "-I$top", '-e', $program or die $!;
    my $text = do { local $/; <$out> };
    close $out;
    is $?, 0, "$locale: all bytes can be shown";
    unlike $text, qr/[\x00-\x08\x0b-\x1f\x7f]/, 'no control character is';
    if ($locale eq 'C') {
        unlike $text, qr/[\x80-\xff]/, 'nor what the terminal does not know';
        next;
    }
    my $characters = eval { Encode::decode('UTF-8', $text, Encode::FB_CROAK()) };
    ok defined $characters, 'all is UTF-8';
    unlike $characters // '', qr/[\x80-\x9f\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}\x{e0000}-\x{e007f}]/,
        'nor a character that turns text round';
    like $characters // '', qr/caf\x{e9}/, 'but letters are';
}
ok Plain::is_text("caf\xc3\xa9\n"), 'UTF-8 is text';
ok Plain::is_text("caf\xe9 au lait\n"), 'so is Latin-1';
ok !Plain::is_text("\x89PNG\r\n\x1a\n\0\0"), 'a picture is not';
ok Plain::is_text(substr "caf\xc3\xa9", 0, 4), 'a character that is cut off is no fault';
is Plain::decoded("x", 'br'), undef, 'a coding that we do not know is not decoded';
is Plain::decoded("x", 'gzip'), undef, 'nor what is none';

done_testing;
