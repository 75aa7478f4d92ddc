# docs/FILES.md is what tools/file-map writes, and has a sentence for every source file.
use strict;
use warnings;
use Test::More;
use Playcount::Server;

(my $top = $INC{'Playcount/Server.pm'}) =~ s{t/lib/Playcount/Server\.pm$}{};
$top = './' if $top eq '';
my $written = `cd '$top' && perl tools/file-map`;
is $?, 0, 'tools/file-map runs';
is Playcount::Server::slurp("${top}docs/FILES.md"), $written, 'docs/FILES.md is up to date';
is_deeply [$written =~ /^\| (`.*`) \|\s*\|$/mg], [], 'each file begins with a sentence';
cmp_ok scalar(() = $written =~ /^\| `/mg), '>', 200, 'all of them are there';

done_testing;
