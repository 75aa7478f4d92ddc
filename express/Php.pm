package Php;

# --php: PHP scripts in the document root. mod_php where it is there and nothing asks for
# another MPM than prefork, which it needs; else a php-fpm of our own, in the server root:
#
#     run/php-fpm.conf    rewritten at each start
#     run/php-fpm.sock    where httpd asks it
#     logs/php-fpm_log

use strict;
use warnings;
use Machine;
use Processes;
use ServerRoot;

# Sets $option->{'php-by'}: the path of mod_php or of php-fpm. Before Checks::check_mpm.
sub check
{
    my ($option) = @_;
    return unless $option->{php};

    die "--php needs --document-root, where the scripts are\n"
        unless defined $option->{'document-root'};
    my ($module) = reverse glob '/usr/lib/apache2/modules/libphp*.so';
    my ($fpm) = reverse map { glob "$_/php-fpm*" } qw(/usr/sbin /usr/local/sbin);
    if ($module && ($option->{mpm} // 'prefork') eq 'prefork' && !defined $option->{threads}) {
        $option->{mpm} = 'prefork';
        $option->{'php-by'} = $module;
    }
    elsif ($fpm) {
        $option->{'php-by'} = $fpm;
    }
    else {
        die $module ? "mod_php needs --mpm prefork; or install the package php-fpm\n"
            : "there is no PHP for a server on this machine; install the package php-fpm or"
            . " libapache2-mod-php\n";
    }
    return;
}

sub is_module { return ($_[0]{'php-by'} // '') =~ /\.so$/ }
sub is_fpm    { return defined $_[0]{'php-by'} && !is_module($_[0]) }

sub shown
{
    my ($option) = @_;
    return !$option->{php} ? '' : is_module($option) ? ' (PHP: mod_php)' : ' (PHP: php-fpm)';
}

sub modules { return is_fpm($_[0]) ? qw(proxy proxy_fcgi) : () }

# --- httpd.conf ------------------------------------------------------------

sub load_text
{
    my ($option) = @_;
    return is_module($option) ? qq(LoadModule php_module "$option->{'php-by'}"\n) : '';
}

# A front controller gets what is no file, unless an application at / does.
sub section
{
    my ($option) = @_;
    my $root = $option->{'document-root'};
    return '' unless $option->{php};

    my $handler = is_module($option) ? 'application/x-httpd-php'
        : "proxy:unix:$option->{'server-root'}/run/php-fpm.sock|fcgi://localhost";
    my $taken = grep { $_->{path} eq '' } @{ $option->{mounts} };
    my $front = -f "$root/index.php" && !$taken ? "    FallbackResource /index.php\n" : '';
    return <<"EOF";

# PHP (--php).
<Directory "$root">
    DirectoryIndex index.php index.html
$front    <FilesMatch "\\.php\$">
        SetHandler "$handler"
    </FilesMatch>
</Directory>
EOF
}

# --- php-fpm ---------------------------------------------------------------

sub conf_path { return "$_[0]{'server-root'}/run/php-fpm.conf" }

# The process id of our php-fpm, which writes its configuration into its title.
sub running
{
    my ($option) = @_;
    my $title = 'php-fpm: master process (' . conf_path($option) . ')';
    my ($pid) = Processes::titled($title);
    return $pid;
}

sub conf_text
{
    my ($option) = @_;
    my $root = $option->{'server-root'};
    my ($user, $group) = Machine::server_user($option);
    my $as = $> == 0 ? <<"EOF" : '';
user = $user
group = $group
listen.owner = $user
listen.group = $group
EOF
    return <<"EOF";
[global]
error_log = $root/logs/php-fpm_log
daemonize = yes
[playcount-express]
${as}listen = $root/run/php-fpm.sock
listen.mode = 0600
pm = static
pm.max_children = $option->{processes}
clear_env = no
catch_workers_output = yes
EOF
}

# Writes its configuration; the command that starts it.
sub prepare
{
    my ($option) = @_;

    ServerRoot::write_file(conf_path($option), conf_text($option));
    return "$option->{'php-by'} --fpm-config " . conf_path($option);
}

sub start
{
    my ($option) = @_;
    return unless is_fpm($option);

    stop($option);
    prepare($option);
    system($option->{'php-by'}, '--fpm-config', conf_path($option)) == 0
        or die "php-fpm did not start; see $option->{'server-root'}/logs/php-fpm_log\n";
    return;
}

# Also what an earlier start left, whatever the options are now.
sub stop
{
    my ($option) = @_;

    my $pid = running($option) // return;
    kill 'TERM', $pid;
    for (1 .. 500) {
        return unless running($option);
        select undef, undef, undef, 0.02;
    }
    return;
}

1;
