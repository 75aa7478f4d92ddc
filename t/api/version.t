# The module loads and says its version at start.
use strict;
use warnings;
use Apache::Test;
use Apache::TestUtil;
use Apache::TestRequest;

plan tests => 2;

my $log = Apache::Test::vars('t_logs') . '/error_log';
open my $file, '<', $log or die "$log: $!";
my $version = grep { m{mod_playcount/\d+\.\d+\.\d+} } <$file>;
ok t_cmp($version > 0, 1, 'the error log has the version');
ok t_cmp((GET '/index.html')->code, 200, 'the server answers');
