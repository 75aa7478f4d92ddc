package Plain;

# Bytes of strangers, made fit for a terminal: what could give it orders (control
# characters of all kinds, marks that turn the direction of text) is shown as \xHH or
# \x{HHHH}. Text that is UTF-8 stays text where the terminal takes UTF-8.

use strict;
use warnings;
use Encode ();
use I18N::Langinfo qw(langinfo CODESET);
use POSIX ();

my $harmful = qr/[\x00-\x08\x0b-\x1f\x7f-\x9f\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]/;
my $utf8;

sub takes_utf8
{
    if (!defined $utf8) {
        POSIX::setlocale(POSIX::LC_CTYPE(), '');
        $utf8 = langinfo(CODESET) =~ /^utf-?8$/i ? 1 : 0;
    }
    return $utf8;
}

# Characters if these bytes are UTF-8 to the end, perhaps cut off there; or nothing.
sub characters
{
    my ($bytes) = @_;
    my $rest = $bytes;
    my $text = Encode::decode('UTF-8', $rest, Encode::FB_QUIET());

    return length $rest < 4 && $rest !~ /^[\x00-\x7f]/
        ? $text . join('', map { sprintf '\x%02x', ord } split //, $rest) : undef;
}

# Lines and tabs stay.
sub text
{
    my ($bytes) = @_;
    my $text = takes_utf8() ? characters($bytes) : undef;

    if (!defined $text) {
        return $bytes =~ s/([^\t\n\x20-\x7e])/sprintf '\x%02x', ord $1/ger;
    }
    $text =~ s/($harmful)/ord $1 < 256 ? sprintf '\x%02x', ord $1 : sprintf '\x{%x}', ord $1/ge;
    return Encode::encode('UTF-8', $text);
}

# On one line.
sub word
{
    my ($bytes) = @_;
    return text($bytes) =~ s/([\t\n])/sprintf '\x%02x', ord $1/ger;
}

# Few bytes that no text has.
sub is_text
{
    my ($bytes) = @_;
    my $sample = substr $bytes, 0, 4096;
    my $strange = () = $sample =~ /[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/g;

    return 0 if $sample =~ /\x00/ || $strange * 20 > length $sample;
    return 1 if defined characters($sample);
    my $high = () = $sample =~ /[\x80-\xff]/g;
    return $high * 5 < length $sample;
}

# Hexadecimal, 16 bytes a line, of the first $most bytes.
sub dump
{
    my ($bytes, $most) = @_;
    my $text = '';

    for (my $at = 0; $at < $most && $at < length $bytes; $at += 16) {
        my $line = substr $bytes, $at, 16;
        $text .= sprintf "%08x  %-47s  %s\n", $at, join(' ', map { sprintf '%02x', ord } split //,
            $line), $line =~ s/[^\x20-\x7e]/./gr;
    }
    $text .= sprintf "... %d bytes more\n", length($bytes) - $most if length $bytes > $most;
    return $text;
}

# What a Content-Encoding stands for, at most 16 MB; nothing if it cannot be decoded.
sub decoded
{
    my ($bytes, $coding) = @_;

    return $bytes if $coding eq '' || $coding eq 'identity';
    return unless $coding =~ /^(x-)?gzip$|^deflate$/ && eval { require IO::Uncompress::AnyInflate };
    my $z = IO::Uncompress::AnyInflate->new(\$bytes, Append => 1, Transparent => 0)
        or return;
    my ($text, $n) = ('', 1);
    $n = $z->read($text, 65536) while $n > 0 && length $text < 16_000_000;
    return $n < 0 ? undef : $text;
}

1;
