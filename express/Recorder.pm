package Recorder;

# --recorder, and the commands that read what it has recorded: records, show and replay.
# docs/recorder.md says what a record is. Whatever is printed of one are bytes of strangers:
# it goes through Plain::text().

use strict;
use warnings;
use Errno ();
use Fcntl qw(O_NOFOLLOW O_RDONLY S_ISREG);
use HTTP::Tiny;
use JSON::PP ();
use Checks;
use HttpdConf;
use Machine;
use Plain;
use Replay;
use SafePath;
use ServerRoot;

my @FILES = qw(request-headers request-body response-headers response-body meta);

# --- start-server ----------------------------------------------------------

sub check
{
    my ($option) = @_;
    my @further = grep { defined $option->{$_} } qw(recorder-keep recorder-body recorder-secrets);

    if (!defined $option->{recorder}) {
        die "--$further[0] is for --recorder\n" if @further;
        return;
    }
    $option->{recorder} = "$option->{'server-root'}/requests" if $option->{recorder} eq '';
    $option->{recorder} = Checks::path('recorder', $option->{recorder});
    Checks::whole_number($option, 'recorder-keep', 1, 1_000_000)
        if defined $option->{'recorder-keep'};
    Checks::whole_number($option, 'recorder-body', 0, 16_000_000)
        if defined $option->{'recorder-body'};
    return;
}

# The module makes the directory itself, for the user who serves, and looks at whose it is.
sub section
{
    my ($option) = @_;
    my $page = $option->{'metrics-path'};

    return '' unless defined $option->{recorder};
    my $text = qq(PlaycountRecorder "$option->{recorder}");
    $text .= " keep=$option->{'recorder-keep'}" if defined $option->{'recorder-keep'};
    $text .= " max-body=$option->{'recorder-body'}" if defined $option->{'recorder-body'};
    $text .= ' secrets=keep' if $option->{'recorder-secrets'};
    return <<"EOF";

# Requests and responses as they passed (--recorder), but for those of the live page, which
# asks all the time. playcount-express records, show and replay read them.
$text "when=%{REQUEST_URI} != '$page' && !(%{REQUEST_URI} -strmatch '$page/*')"
EOF
}

# A line for each directory that the server records into, with what it could not record; of
# the JSON behind the live page at this URL.
sub recorded
{
    my ($page) = @_;
    my $answer = HTTP::Tiny->new(timeout => 5)->get("$page?format=json&minutes=1");
    my $json = eval { JSON::PP::decode_json($answer->{content}) } or return '';

    return join '', map {
        Plain::word("Recorded: $_->{records} requests in $_->{directory}"
                . ($_->{dropped} ? ", and $_->{dropped} could not be" : '')
                . ($_->{paused} ? '; the disk refuses, see the error log' : '')) . "\n"
    } @{ $json->{recorders} // [] };
}

# --- records ---------------------------------------------------------------

# The directory that the last start wrote into httpd.conf, or that --recorder names.
sub directory
{
    my ($option) = @_;
    my $conf = ServerRoot::conf_path($option);

    return Checks::path('recorder', $option->{recorder}) if defined $option->{recorder};
    if (open my $file, '<', $conf) {
        while (<$file>) {
            return $1 if /^PlaycountRecorder "([^"]+)"/;
        }
    }
    die "nothing is recorded here: start the server with --recorder, or name the directory",
        " with --recorder DIR\n";
}

# The names of all, the newest first.
sub names
{
    my ($dir) = @_;

    opendir my $handle, $dir or die "cannot read the records in $dir: $!\n";
    my @names = grep { /^\d{8}T\d{6}\.\d{6}Z-\d+-\d+[A-Za-z0-9-]*\z/ } readdir $handle;
    return reverse sort @names;
}

# A file that the server's user has written: no link, nothing special.
sub content
{
    my ($path) = @_;

    sysopen my $file, $path, O_RDONLY | O_NOFOLLOW or die "cannot read $path: $!\n";
    S_ISREG((stat $file)[2]) or die "$path is not a file\n";
    binmode $file;
    local $/;
    return <$file> // '';
}

sub read_record
{
    my ($dir, $name) = @_;
    my %record = (name => $name, map { $_ => content("$dir/$name/$_") } @FILES);

    $record{meta} = { $record{meta} =~ /^([a-z-]+): (.*)$/mg };
    return \%record;
}

sub number { return $_[0] =~ /Z-(\d+)-/ ? $1 : 0 }

# By its number; as `last`; or by a part of its name.
sub find
{
    my ($option, $which) = @_;
    my $dir = directory($option);
    my @names = names($dir) or die "nothing is recorded in $dir yet\n";

    return read_record($dir, $names[0]) if !defined $which || $which eq 'last';
    my $as_number = $which =~ /^\d{1,15}\z/;
    my ($found, @others) = grep {
        $as_number ? number($_) == $which : index($_, $which) >= 0 } @names;
    my $what = $as_number ? "record $which" : "record with '" . Plain::word($which) . "' in its name";
    die "there is no $what; playcount-express records lists them\n" unless defined $found;
    die "there is more than one $what: name more of it\n" if @others;
    return read_record($dir, $found);
}

# --- the commands ----------------------------------------------------------

sub list
{
    my ($option, $most) = @_;
    my $dir = directory($option);
    my @names = names($dir);

    die "records takes a number, not '", Plain::word($most), "'\n"
        if defined $most && $most !~ /^[1-9]\d{0,6}\z/;
    $most //= 20;
    splice @names, $most if @names > $most;
    print "Nothing is recorded in $dir yet.\n" unless @names;
    for my $name (reverse @names) {
        # One that is removed meanwhile is left out.
        my $record = eval { read_record($dir, $name) } or next;
        my $meta = $record->{meta};
        my $outcome = $meta->{outcome} // '';
        printf "%5d  %s  %s  %-6s %s%s\n", number($name), ($meta->{started} // '') =~ s/T|Z$/ /gr
            =~ s/\s+$//r, map { Plain::word($_ // '') } @$meta{qw(status method uri)},
            $outcome eq 'complete' ? '' : "  ($outcome)";
    }
    return 0;
}

# Content-Encoding and the like: of the last header of this name.
sub header
{
    my ($head, $name) = @_;
    my ($value) = $head =~ /^\Q$name\E:[ \t]*(.*?)[ \t]*\r?$/mi;
    return $value // '';
}

sub show_body
{
    my ($record, $side) = @_;
    my $body = $record->{"$side-body"};
    my $size = $record->{meta}{"$side-body"} // '';
    my $coding = lc header($record->{"$side-headers"}, 'Content-Encoding');

    return if $body eq '';
    my $plain = $size =~ / of / ? undef : Plain::decoded($body, $coding);
    print '[', $size =~ s/^1 bytes/1 byte/r, defined $plain && $coding ? ", decoded from $coding" : '', "]\n";
    $body = $plain // $body;
    if (Plain::is_text($body)) {
        print Plain::text($body);
        print "\n" unless $body =~ /\n\z/;
    }
    else {
        print Plain::dump($body, 512);
    }
    return;
}

sub show
{
    my ($option, $which) = @_;
    my $record = find($option, $which);
    my $meta = $record->{meta};

    print "$record->{name}\n";
    printf "%s, %s, %s, after %s\n\n", map { Plain::word($_ // '?') }
        @$meta{qw(client protocol outcome finished-after)};
    for my $side (qw(request response)) {
        print Plain::text($record->{"$side-headers"} =~ s/\r\n/\n/gr);
        show_body($record, $side);
        print "\n" if $side eq 'request' && $record->{'request-body'} ne '';
    }
    return 0;
}

sub replay
{
    my ($option, $which) = @_;
    my $to = $option->{to} // HttpdConf::urls_of(ServerRoot::conf_path($option))->{server}
        // die "name the server with --to URL\n";

    return Replay::run(find($option, $which), $to, $option->{header});
}

1;
