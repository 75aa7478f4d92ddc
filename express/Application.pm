package Application;

# What the server serves beside the counter: the files of --document-root, and applications,
# each below a path of its own: --wsgi, --proxy, --cgi. What the options may be is here,
# ApplicationConf.pm writes the sections of httpd.conf; --php is in Php.pm.
#
# A request goes to the first of these that it belongs to:
#
#     /plays, /metrics, /server-status    the server's own
#     a file that is there                --document-root
#     the longest path that is its        --wsgi, --proxy, --cgi
#
# check() sets $option->{mounts}: those with a path, the longest path first, each a hash with
# kind, path (without a slash at the end, '' for the root) and target; and
# $option->{reserved}, the server's own paths.

use strict;
use warnings;
use Checks;
use Machine;
use Php;

# Schemes of --proxy, and the modules that speak them.
my %SCHEMES = (
    (map { $_ => ['proxy', 'proxy_http'] } qw(http ws)),
    (map { $_ => ['proxy', 'proxy_http', 'socache_shmcb', 'ssl'] } qw(https wss)),
    h2c => ['proxy', 'proxy_http2', 'http2'],
    h2 => ['proxy', 'proxy_http2', 'http2', 'socache_shmcb', 'ssl'],
    fcgi => ['proxy', 'proxy_fcgi'], scgi => ['proxy', 'proxy_scgi'],
    uwsgi => ['proxy', 'proxy_uwsgi'], ajp => ['proxy', 'proxy_ajp'],
);

sub is_there
{
    my ($option) = @_;
    return defined $option->{'document-root'} || @{ $option->{mounts} } > 0;
}

# A path of the URL space, without a slash at the end.
sub url_path
{
    my ($name, $path) = @_;
    die "--$name: a path of letters, digits and ._~/- that begins with / is needed, not",
        " '$path'\n" unless $path =~ m{^/[A-Za-z0-9._~/-]*$} && $path !~ m{//|/\.\.?(/|$)};
    return $path =~ s{/$}{}r;
}

# '[PATH=]VALUE': the path, without a slash at the end, and the value. What is a file by
# its whole name has no path.
sub split_mount
{
    my ($name, $text) = @_;

    return ('', $text) if -e $text || $text !~ m{^(/[^=]*)=(.*)$}s;
    my ($path, $value) = ($1, $2);
    return (url_path($name, $path), $value);
}

sub need_readable
{
    my ($option, $path) = @_;
    my ($user) = Machine::server_user($option);
    my $ok = Machine::user_can($option, sub { return -r $path && (!-d _ || -x _) });

    die "the server runs as $user, who cannot read $path: let that user read it and enter",
        " the directories above\n" unless $ok;
    return $path;
}

sub check_proxy
{
    my ($option, $url) = @_;
    my ($scheme, $rest) = $url =~ m{^(?:unix:/[^|\s]+\|)?([a-z0-9]+)://([^/\s]+)};

    die "--proxy must be a URL, as http://127.0.0.1:5000/, not '$url'\n"
        if !defined $rest || $url =~ /["\\\$\x00-\x20\x7f]/;
    die "--proxy cannot speak $scheme; it can ", join(', ', sort keys %SCHEMES), "\n"
        unless $SCHEMES{$scheme};
    return $url;
}

my %CHECK = (
    wsgi => sub {
        my ($option, $file) = @_;
        return need_readable($option,
            Checks::readable_file('wsgi', $file, 'the WSGI script'));
    },
    cgi => sub { return need_readable($_[0], Checks::directory('cgi', $_[1])) },
    proxy => \&check_proxy,
);

sub check_mounts
{
    my ($option) = @_;
    my %by_path = map { $_ => 'the server itself' } @{ $option->{reserved} };
    my @mounts;

    for my $kind (qw(wsgi proxy cgi)) {
        for my $text (@{ $option->{$kind} }) {
            my ($path, $value) = split_mount($kind, $text);
            push @mounts, { kind => $kind, path => $path,
                target => $CHECK{$kind}->($option, $value) };
            my $shown = $path eq '' ? '/' : $path;
            die "--$kind: $shown is taken by $by_path{$path}; give another path before it,",
                " as in --$kind /other=$value\n" if $by_path{$path};
            $by_path{$path} = "--$kind $text";
        }
    }
    return sort { length $b->{path} <=> length $a->{path} || $a->{path} cmp $b->{path} } @mounts;
}

# In the document root everything is served as it is: what must not be is not there.
sub check_document_root
{
    my ($option) = @_;

    return unless defined $option->{'document-root'};
    my $root = Checks::directory('document-root', $option->{'document-root'});
    die "--document-root must not contain a percent sign: '$root'\n" if $root =~ /%/;
    $option->{'document-root'} = need_readable($option, $root);
    for my $inside ([ 'server-root', $option->{'server-root'} ],
        map { [ $_->{kind}, $_->{target} ] } grep { $_->{kind} =~ /wsgi|cgi/ }
            @{ $option->{mounts} }) {
        my ($name, $path) = @$inside;
        die "$path (--$name) is in the --document-root, so everybody could download it: put",
            " the files to serve into a directory of their own\n"
            if "$path/" =~ m{^\Q$root\E/};
    }
    return;
}

sub check_wsgi
{
    my ($option) = @_;

    for my $name (qw(wsgi-processes wsgi-threads)) {
        next unless defined $option->{$name};
        die "--$name goes with --wsgi\n" unless @{ $option->{wsgi} };
        Checks::whole_number($option, $name, 1, 1000);
    }
    # Embedded, the threads are httpd's.
    die "--wsgi-threads needs --wsgi-processes under prefork, whose processes have one thread\n"
        if defined $option->{'wsgi-threads'} && !$option->{'wsgi-processes'}
        && ($option->{mpm} // '') eq 'prefork';
    if (defined $option->{'wsgi-threads'} && !$option->{'wsgi-processes'}) {
        die '--wsgi-threads and --threads exclude each other without --wsgi-processes: an',
            " embedded application runs in the threads of httpd\n"
            if defined $option->{threads};
        $option->{threads} = $option->{'wsgi-threads'};
    }
    return;
}

# The server's own paths; the counter is at the root where nothing else is.
sub check_paths
{
    my ($option) = @_;
    my $alone = !defined $option->{'document-root'}
        && !grep { @{ $option->{$_} } } qw(wsgi proxy cgi);

    $option->{'plays-path'} = url_path('plays-path',
        $option->{'plays-path'} // ($alone ? '/' : '/plays'));
    $option->{'metrics-path'} = url_path('metrics-path', $option->{'metrics-path'} // '/metrics');
    die "--metrics-path must not be /\n" if $option->{'metrics-path'} eq '';
    die "--plays-path must not be / beside an application\n"
        if $option->{'plays-path'} eq '' && !$alone;
    die "--plays-path and --metrics-path are the same\n"
        if $option->{'plays-path'} eq $option->{'metrics-path'};
    $option->{reserved} =
        [ grep { $_ ne '' } '/server-status', @$option{qw(plays-path metrics-path)} ];
    return;
}

sub check_env
{
    my ($option) = @_;
    for my $text (@{ $option->{env} }) {
        die "--env must be NAME=VALUE, not '$text'\n" unless $text =~ /^[A-Za-z_]\w*=/;
    }
    return;
}

# Before Checks::check_mpm, whose threads it sets.
sub check
{
    my ($option) = @_;

    check_paths($option);
    check_wsgi($option);
    check_env($option);
    $option->{mounts} = [ check_mounts($option) ];
    check_document_root($option);
    Php::check($option);
    return;
}

# What an application finds in its environment, by name.
sub environment
{
    my ($option) = @_;
    return (
        MOD_PLAYCOUNT_EXPRESS => 1,
        ($option->{'debug-mode'} ? (MOD_PLAYCOUNT_EXPRESS_DEBUG_MODE => 1) : ()),
        map { split /=/, $_, 2 } @{ $option->{env} },
    );
}

# What is served where, to be shown: for each what it is, its path, where it comes from.
sub shown
{
    my ($option) = @_;
    my $wsgi = $option->{'wsgi-processes'} ? 'daemon' : 'embedded';

    return (
        (defined $option->{'document-root'}
            ? ['files', '/', $option->{'document-root'} . Php::shown($option)] : ()),
        map { [
            'application', $_->{path} eq '' ? '/' : $_->{path},
            $_->{target} . ($_->{kind} eq 'wsgi' ? " ($wsgi)" : ''),
        ] } reverse @{ $option->{mounts} },
    );
}

# The modules of httpd for that.
sub modules
{
    my ($option) = @_;
    my @mounts = @{ $option->{mounts} };
    my %kind = map { $_->{kind} => 1 } @mounts;
    return unless is_there($option);

    my @modules = qw(env alias mime dir);
    push @modules, 'rewrite' if defined $option->{'document-root'};
    push @modules, $option->{mpm} eq 'prefork' ? 'cgi' : 'cgid' if $kind{cgi};
    push @modules, 'headers' if $kind{proxy};
    push @modules, map { @{ $SCHEMES{ ($_->{target} =~ m{([a-z0-9]+)://})[0] } } }
        grep { $_->{kind} eq 'proxy' } @mounts;
    push @modules, 'wsgi' if $kind{wsgi};
    return @modules, Php::modules($option);
}

1;
