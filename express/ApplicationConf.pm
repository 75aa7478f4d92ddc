package ApplicationConf;

# The sections of httpd.conf for what Application.pm describes.

use strict;
use warnings;
use File::Basename qw(basename dirname);
use Application;
use Php;

# For a regular expression between quotes.
sub pattern_of { return quotemeta($_[0]) =~ s{\\([/ _-])}{$1}gr }

sub path_of { return $_[0]{path} eq '' ? '/' : $_[0]{path} }

sub environment_section
{
    my ($option) = @_;
    my %environment = Application::environment($option);
    my $names = join ' ', sort keys %environment;

    return <<"EOF";

# What applications find in their environment; the values are in that of httpd.
PassEnv $names
EOF
}

sub mime_text
{
    return qq(TypesConfig "/etc/mime.types"\n) if -f '/etc/mime.types';
    return <<'EOF';
TypesConfig /dev/null
AddType text/html .html
AddType text/css .css
AddType text/javascript .js .mjs
AddType text/plain .txt
AddType application/json .json
AddType image/svg+xml .svg
AddType image/png .png
AddType image/jpeg .jpg .jpeg
EOF
}

# Rules come before all that maps URLs to something else.
sub overlay_text
{
    my ($option) = @_;
    my $root = $option->{'document-root'};
    my $own = join '|', map { pattern_of($_) } @{ $option->{reserved} };

    return '' unless @{ $option->{mounts} };
    return <<"EOF";

# What is there as a file, or as a directory with an index.html, is served; the rest is
# for the applications.
RewriteEngine On
RewriteCond %{REQUEST_URI} "!^($own)(/|\$)"
RewriteCond %{REQUEST_URI} "!/\\.(?!well-known/)|[?]"
RewriteCond "$root%{REQUEST_URI}" -f [OR]
RewriteCond "$root%{REQUEST_URI}/index.html" -f
RewriteRule ^ "$root%{REQUEST_URI}" [END]
EOF
}

# A file or directory whose name begins with a dot is nobody's business.
sub files_section
{
    my ($option) = @_;
    my $root = $option->{'document-root'};
    my $types = mime_text();

    return <<"EOF" unless defined $root;

# There are no files, but for those of applications.
$types<Directory "$option->{'server-root'}/htdocs">
    Require all granted
</Directory>
EOF
    my $pattern = pattern_of($root);
    return <<"EOF" . overlay_text($option);

# Files that are served as they are (--document-root).
DocumentRoot "$root"
DirectoryIndex index.html
$types<Directory "$root">
    Require all granted
    Options FollowSymLinks
    <Files ".*">
        Require all denied
    </Files>
</Directory>
<DirectoryMatch "^$pattern/(.*/)?\\.(?!well-known)">
    Require all denied
</DirectoryMatch>
EOF
}

# Both with a slash at the end or both without, as mod_proxy joins them. A server on this
# machine gets the Host that the client asked for. What development servers tell their pages by
# WebSocket comes through.
sub proxy_text
{
    my ($mount) = @_;
    my $path = path_of($mount);

    return qq(ProxyPass "$path" "!"\n) if $mount->{kind} ne 'proxy';
    my $url = $mount->{target} =~ s{/$}{}r . ($path eq '/' ? '/' : '');
    my $preserve = $url =~ m{^unix:|://(localhost|127\.[0-9.]+|\[::1\])([:/]|$)} ? 'On' : 'Off';
    my $upgrade = $url =~ m{(^|\|)https?://} ? ' upgrade=websocket' : '';
    return <<"EOF";
ProxyPass "$path" "$url" retry=0$upgrade
ProxyPassReverse "$path" "$url"
<Location "$path">
    ProxyPreserveHost $preserve
</Location>
EOF
}

sub proxy_section
{
    my ($option) = @_;
    my @proxies = grep { $_->{kind} eq 'proxy' } @{ $option->{mounts} } or return '';
    my $tls = grep({ $_->{target} =~ m{(https|wss|h2)://} } @proxies) ? "SSLProxyEngine On\n" : '';
    my $own = join '', map { qq(ProxyPass "$_" "!"\n) } @{ $option->{reserved} };
    my $mounts = join '', map { proxy_text($_) } @{ $option->{mounts} };

    return <<"EOF" . $own . $mounts;

# What other servers answer (--proxy); one that was down is tried again at once.
ProxyRequests Off
${tls}RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"
EOF
}

sub script_text
{
    my ($script) = @_;
    my $url = path_of($script);
    my $dir = dirname($script->{target});
    my $name = basename($script->{target});

    return <<"EOF";
WSGIScriptAlias "$url" "$script->{target}"
<Directory "$dir">
    <Files "$name">
        Require all granted
    </Files>
</Directory>
EOF
}

sub wsgi_section
{
    my ($option) = @_;
    my @scripts = grep { $_->{kind} eq 'wsgi' } @{ $option->{mounts} } or return '';
    my $processes = $option->{'wsgi-processes'};
    my $threads = $option->{'wsgi-threads'} // 5;
    my %seen;
    my $path = join ':', grep { !$seen{$_}++ } map { dirname($_->{target}) } @scripts;
    my $where = $processes ? <<"EOF" : <<"EOF";
# WSGI applications (--wsgi) in processes of their own (--wsgi-processes).
WSGISocketPrefix run/wsgi
WSGIDaemonProcess playcount-express processes=$processes threads=$threads \\
    python-path="$path" display-name=%{GROUP}
WSGIProcessGroup playcount-express
EOF
# WSGI applications (--wsgi) inside the processes of httpd.
WSGIPythonPath "$path"
EOF
    my $aliases = join '', map { script_text($_) } @scripts;
    return "\n${where}WSGIApplicationGroup %{GLOBAL}\nWSGIPassAuthorization On\n$aliases";
}

# All other paths below this one, without what they begin with.
sub below
{
    my ($option, $mount) = @_;
    my $path = $mount->{path};

    return map { substr $_, length $path } grep { $_ ne $path && "$_/" =~ m{^\Q$path\E/} }
        @{ $option->{reserved} }, map { $_->{path} } @{ $option->{mounts} };
}

# mod_alias knows no exceptions, so the pattern has them.
sub cgi_text
{
    my ($option, $mount) = @_;
    my $pattern = pattern_of($mount->{path});
    my $others = join '|', map { pattern_of($_) } below($option, $mount);

    $pattern .= "(?!(?:$others)(?:/|\$))" if $others ne '';
    return <<"EOF";
ScriptAliasMatch "^$pattern/(.*)" "$mount->{target}/\$1"
<Directory "$mount->{target}">
    Require all granted
    CGIPassAuth On
    DirectoryIndex index.cgi
</Directory>
EOF
}

sub cgi_section
{
    my ($option) = @_;
    my @mounts = grep { $_->{kind} eq 'cgi' } @{ $option->{mounts} } or return '';
    my $socket = $option->{mpm} eq 'prefork' ? '' : "ScriptSock cgisock\n";

    return "\n# CGI programs (--cgi).\n$socket" . join '', map { cgi_text($option, $_) } @mounts;
}

# Each application below a path of its own is measured under that.
sub route_section
{
    my ($option) = @_;
    return join '', map { <<"EOF" } grep { $_->{path} ne '' } reverse @{ $option->{mounts} };
<Location "$_->{path}">
    PlaycountRoute "$_->{path}"
</Location>
EOF
}

sub sections
{
    my ($option) = @_;

    return '' unless Application::is_there($option);
    return join '', map { $_->($option) } \&environment_section, \&files_section,
        \&Php::section, \&proxy_section, \&wsgi_section, \&cgi_section, \&route_section;
}

1;
