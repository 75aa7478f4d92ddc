package Replay;

# Sends a recorded request again and says in what the answer differs from the recorded one:
# status, headers, body.

use strict;
use warnings;
use File::Temp ();
use IO::Socket::IP;
use Address;
use Machine;
use Plain;

our $SECONDS = 60;               # that the server may be silent
our $ANSWER_MAX = 100_000_000;   # bytes of it that are compared

# Headers of the connection, and those that httpd renews with each answer.
my %OF_CONNECTION = map { $_ => 1 } qw(connection keep-alive proxy-connection te trailer
    transfer-encoding upgrade http2-settings expect content-length);
my %OF_MOMENT = map { $_ => 1 } qw(date connection keep-alive transfer-encoding upgrade);

# [name, value] of each header.
sub headers
{
    my ($head) = @_;
    my (undef, @lines) = split /\r?\n/, $head;
    return map { /^([^:\s]+):[ \t]*(.*?)[ \t]*$/ ? [$1, $2] : () } @lines;
}

# --- the request -----------------------------------------------------------

# What keeps it from being sent as it was; dies with a sentence.
sub check
{
    my ($record) = @_;
    my $meta = $record->{meta};
    my ($length) = map { $_->[1] } grep { lc $_->[0] eq 'content-length' }
        headers($record->{'request-headers'});

    die "the body of this request was not recorded to its end ($meta->{'request-body'}):",
        " record more of it with --recorder-body\n" if ($meta->{'request-body'} // '') =~ / of /;
    die "only ", length $record->{'request-body'}, " of the $length bytes of this request's body",
        " came or were read, so it cannot be sent again\n"
        if defined $length && $length =~ /^\d+$/ && $length != length $record->{'request-body'};
    die "this is no request that can be sent: ",
        Plain::word((split /\r?\n/, $record->{'request-headers'})[0] // ''), "\n"
        unless $record->{'request-headers'} =~ m{^[!-~]+ [!-~\x80-\xff]+ HTTP/[0-9.]+\r\n};
    return;
}

# The bytes to send; masked headers are left out unless the user gives their values.
sub request_bytes
{
    my ($record, $given) = @_;
    my ($line) = split /\r\n/, $record->{'request-headers'};
    my %given = map { lc((split /:/)[0]) => 1 } @$given;
    my @masked;
    my $text = $line =~ s{ HTTP/[0-9.]+$}{ HTTP/1.1}r . "\r\n";
    my $has_body = $record->{'request-body'} ne ''
        || $record->{'request-headers'} =~ /^(content-length|transfer-encoding):/mi;

    for my $header (headers($record->{'request-headers'})) {
        my ($name, $value) = @$header;
        next if $OF_CONNECTION{ lc $name } || $given{ lc $name };
        if ($value eq '[masked]') {
            push @masked, $name;
            next;
        }
        $text .= "$name: $value\r\n";
    }
    $text .= "$_\r\n" for @$given;
    $text .= 'Content-Length: ' . length($record->{'request-body'}) . "\r\n" if $has_body;
    return ($text . "Connection: close\r\n\r\n" . $record->{'request-body'}, @masked);
}

sub connection
{
    my ($to) = @_;
    my ($scheme, $host, $port) = $to =~ m{^(https?)://(\[[0-9A-Fa-f:.]+\]|[^/:\[\]]+)(?::(\d+))?/?$}
        or die "--to must be a URL such as http://127.0.0.1:8000/, not '", Plain::word($to), "'\n";
    my %address = (PeerHost => $host =~ s/^\[|\]$//gr,
        PeerPort => $port // ($scheme eq 'https' ? 443 : 80), Timeout => 10);
    my $socket;

    if ($scheme eq 'https') {
        eval { require IO::Socket::SSL; 1 }
            or die "--to https needs Perl's IO::Socket::SSL (libio-socket-ssl-perl)\n";
        # The certificate is the server's own, and what is sent is a record.
        $socket = IO::Socket::SSL->new(%address, SSL_verify_mode => 0);
    }
    else {
        $socket = IO::Socket::IP->new(%address);
    }
    return $socket // die "cannot connect to $to: $@; is the server running?\n";
}

# Everything that comes until the server closes the connection.
sub exchange
{
    my ($to, $bytes) = @_;
    my $socket = connection($to);
    my $answer = '';

    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "the server is silent for $SECONDS s\n" };
    while (length $bytes) {
        alarm $SECONDS;
        my $n = syswrite $socket, $bytes, 65536;
        last unless $n; # it may have answered already
        substr $bytes, 0, $n, '';
    }
    while (1) {
        alarm $SECONDS;
        my $n = sysread $socket, $answer, 65536, length $answer;
        die "the connection broke off: $!\n" if !defined $n && $answer eq '';
        last unless $n;
        die "the answer is longer than $ANSWER_MAX bytes, too long to compare\n"
            if length $answer > $ANSWER_MAX;
    }
    alarm 0;
    return $answer;
}

# --- the answer ------------------------------------------------------------

sub dechunked
{
    my ($text) = @_;
    my $body = '';

    while ($text =~ s/^([0-9A-Fa-f]+)[^\r\n]*\r\n//) {
        my $n = hex $1;
        last if !$n;
        $body .= substr $text, 0, $n, '';
        $text =~ s/^\r\n//;
    }
    return $body;
}

# Headers and body.
sub parts
{
    my ($answer) = @_;
    my ($head, $body);

    do {
        ($head, $body) = split /(?<=\r\n\r\n)/, $answer, 2;
        $answer = $body // '';
    } while ($head // '') =~ m{^HTTP/\S+ 1\d\d};
    die "the server has closed the connection without an answer\n"
        unless defined $head && $head =~ m{^HTTP/};
    $body //= '';
    $body = dechunked($body) if $head =~ /^transfer-encoding:.*chunked/mi;
    return ($head, $body);
}

# --- the difference --------------------------------------------------------

sub status
{
    my ($head) = @_;
    return $head =~ m{^HTTP/\S+ ([^\r\n]*)} ? $1 : 'none';
}

# Returns whether it differs; what is said is printed.
sub compare_status
{
    my ($was, $is) = map { status($_) } @_;
    my $same = substr($was, 0, 3) eq substr($is, 0, 3);

    print 'status   ', $same ? 'the same, ' . Plain::word($was)
        : Plain::word($was) . ' -> ' . Plain::word($is), "\n";
    return !$same;
}

sub compare_headers
{
    my (@heads) = @_;
    my @lines;
    for my $head (@heads) {
        push @lines, [map { lc($_->[0]) . ": $_->[1]" } grep { !$OF_MOMENT{ lc $_->[0] } }
                headers($head)];
    }
    my ($was, $is) = map { my %count; $count{$_}++ for @$_; \%count } @lines;
    my @gone = grep { ($is->{$_} // 0) < $was->{$_} } sort keys %$was;
    my @new = grep { ($was->{$_} // 0) < $is->{$_} } sort keys %$is;
    # What was masked is not known.
    my %masked = map { /^(.*?): \[masked\]$/ ? ($1 => 1) : () } keys %$was;
    @$_ = grep { !$masked{ (split /:/)[0] } } @$_ for \@gone, \@new;

    print 'headers  ', @gone || @new ? 'differ' : 'the same', "\n";
    print "  - ", Plain::word($_), "\n" for @gone;
    print "  + ", Plain::word($_), "\n" for @new;
    return @gone || @new ? 1 : 0;
}

# A body that is coded is compared decoded, if it can be decoded.
sub plain_body
{
    my ($head, $body) = @_;
    my ($coding) = map { lc $_->[1] } grep { lc $_->[0] eq 'content-encoding' } headers($head);
    return Plain::decoded($body, $coding // '') // $body;
}

sub compare_body
{
    my ($record, $head, $body) = @_;
    my $was = $record->{'response-body'};
    my ($kept, $all) = ($record->{meta}{'response-body'} // '') =~ /^(\d+)(?: of (\d+))? bytes/;

    if (defined $all) {
        return say_body('differs', "it was $all bytes and is " . length $body)
            if $all != length $body;
        return say_body('the same', "as far as it was recorded, $kept of $all bytes")
            if substr($body, 0, $kept) eq $was;
        $body = substr $body, 0, $kept;
    }
    else {
        $was = plain_body($record->{'response-headers'}, $was);
        $body = plain_body($head, $body);
    }
    return say_body('the same', length($was) . (length $was == 1 ? ' byte' : ' bytes')) if $was eq $body;
    if (Plain::is_text($was) && Plain::is_text($body)) {
        say_body('differs', length($was) . ' and ' . length($body) . ' bytes');
        print text_difference($was, $body);
        return 1;
    }
    (my $common = $was ^ substr $body, 0, length $was) =~ /[^\0]/g;
    my $first = defined pos $common ? pos($common) - 1
        : length $was < length $body ? length $was : length $body;
    return say_body('differs', length($was) . ' and ' . length($body)
        . " bytes, the first difference is at byte $first");
}

sub say_body
{
    my ($what, $how) = @_;
    print "body     $what, $how\n";
    return $what eq 'differs';
}

sub text_difference
{
    my @texts = @_;
    my $diff = Machine::command('diff') or return '';
    my @files = map { File::Temp->new } @texts;

    for my $i (0, 1) {
        binmode $files[$i];
        print { $files[$i] } $texts[$i];
        close $files[$i];
    }
    open my $out, '-|', $diff, '-a', '-u', '--label', 'recorded', '--label', 'now', '--',
        map { $_->filename } @files or return '';
    my @lines = <$out>;
    close $out;
    @lines = (@lines[0 .. 199], "...\n") if @lines > 200;
    return join '', map { '  ' . Plain::text(length $_ > 500 ? substr($_, 0, 500) . "...\n" : $_) } @lines;
}

# The exit status: 0 if the answer is the same, 5 if it differs.
sub run
{
    my ($record, $to, $given) = @_;

    check($record);
    for my $header (@$given) {
        die "--header must be 'NAME: VALUE', not '", Plain::word($header), "'\n"
            unless $header =~ /^[!#\$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\z/;
    }
    my ($bytes, @masked) = request_bytes($record, $given);
    print Plain::word((split /\r\n/, $bytes)[0]), "  ($record->{name})\n";
    print 'not sent: ', join(', ', map { Plain::word($_) } @masked),
        ", which the recorder masked; give --header 'NAME: VALUE'\n" if @masked;
    my ($head, $body) = parts(exchange($to, $bytes));
    my $differs = compare_status($record->{'response-headers'}, $head);
    $differs += compare_headers($record->{'response-headers'}, $head);
    $differs += compare_body($record, $head, $body);
    return $differs ? 5 : 0;
}

1;
