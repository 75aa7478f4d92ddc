package FlameGraph;

# Samples of perf as a flame graph, one SVG file without a script: each box is a function, as
# wide as the share of samples that have it there, on top of who called it. A browser shows the
# name and the numbers under the pointer.

use strict;
use warnings;
no warnings 'recursion'; # stacks are as deep as they are

our $WIDTH = 1200;
our $LINE = 17;

# Lines of `perf script -F comm,ip,sym`: a program's name, its functions, innermost first, and
# an empty line. A tree: { n => samples, calls => { name => tree } }.
sub tree
{
    my (@lines) = @_;
    my $tree = { n => 0, calls => {} };
    my @stack;
    my $comm;

    for my $line (@lines, '') {
        if ($line =~ /^\s*[0-9a-f]+ (.+?)\s*$/ && defined $comm) {
            my $name = $1 eq '[unknown]' ? '?' : $1;
            push @stack, $name unless @stack && $name eq '?' && $stack[-1] eq '?';
        }
        elsif ($line =~ /^(\S.*?)\s*$/) {
            ($comm, @stack) = ($1);
        }
        elsif (defined $comm) {
            my $node = $tree;
            $node->{n}++;
            for my $name ($comm, reverse @stack) {
                $node = $node->{calls}{$name} //= { n => 0, calls => {} };
                $node->{n}++;
            }
            undef $comm;
        }
    }
    return $tree;
}

sub escaped
{
    my ($text) = @_;
    my %name = ('&' => 'amp', '<' => 'lt', '>' => 'gt', '"' => 'quot');
    return $text =~ s/([&<>"])/&$name{$1};/gr =~ s/[^\x20-\x7e]/?/gr;
}

# The same name has the same colour.
sub colour
{
    my ($name) = @_;
    my $sum = unpack '%32C*', $name;
    return sprintf 'hsl(%d,%d%%,%d%%)', $sum * 7 % 50, 60 + $sum % 25, 58 + $sum % 12;
}

# The boxes of what a function calls; [depth, x, width, name, samples] each.
sub boxes
{
    my ($node, $depth, $x, $scale) = @_;
    my @found;

    for my $name (sort keys %{ $node->{calls} }) {
        my $child = $node->{calls}{$name};
        my $width = $child->{n} * $scale;
        push @found, [$depth, $x, $width, $name, $child->{n}],
            boxes($child, $depth + 1, $x, $scale) if $width >= 0.3;
        $x += $width;
    }
    return @found;
}

sub svg
{
    my (@lines) = @_;
    my $tree = tree(@lines);
    my @boxes = boxes($tree, 0, 0, $WIDTH / ($tree->{n} || 1));
    my $deepest = 0;

    $_->[0] > $deepest and $deepest = $_->[0] for @boxes;
    my $height = ($deepest + 1) * $LINE + 30;
    my $text = qq(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $height" )
        . qq(font-family="monospace" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n)
        . qq(<text x="4" y="16">$tree->{n} samples; a box is as wide as its share of them</text>\n);
    for my $box (@boxes) {
        my ($depth, $x, $width, $name, $n) = @$box;
        my $y = $height - ($depth + 1) * $LINE - 2;
        my $share = sprintf '%.1f', 100 * $n / $tree->{n};
        my $room = int(($width - 6) / 6.7);
        my $shown = $room < 3 ? '' : escaped(length $name > $room ? substr($name, 0, $room - 1) . '~' : $name);
        $text .= sprintf qq(<g><title>%s: %d samples, %s%%</title><rect x="%.1f" y="%d" width="%.1f")
            . qq( height="%d" rx="2" fill="%s"/>%s</g>\n), escaped($name), $n, $share, $x, $y,
            $width > 0.6 ? $width - 0.4 : $width, $LINE - 1, colour($name),
            $shown eq '' ? '' : sprintf '<text x="%.1f" y="%d">%s</text>', $x + 3, $y + 12, $shown;
    }
    return $text . "</svg>\n";
}

1;
