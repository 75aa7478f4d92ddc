# What PlaycountRecorder has written.
#
#     my $server = Playcount::Server->new(config => "PlaycountRecorder records\n");
#     my @records = Playcount::Recorder::wait_for($server, 3);
#     $records[0]{'response-body'}, $records[0]{meta}{status}
#
# A record is a hash: its name, the texts of its files by their names, and `meta` as a
# hash. They are in the order of their names, which is that of the requests' starts.
package Playcount::Recorder;

use strict;
use warnings;
use Playcount::Server;

sub dir { $_[0]->root . '/records' }

sub names
{
    my ($dir) = @_;
    opendir my $handle, $dir or return;
    my @names = sort grep { /^\d/ } readdir $handle;
    return @names;
}

sub record
{
    my ($dir, $name) = @_;
    my %record = (name => $name, path => "$dir/$name");

    $record{$_} = Playcount::Server::slurp("$dir/$name/$_")
        for qw(request-headers request-body response-headers response-body meta);
    $record{text} = $record{meta};
    $record{meta} = { $record{meta} =~ /^([a-z-]+): (.*)$/mg };
    return \%record;
}

sub records
{
    my ($server) = @_;
    return map { record(dir($server), $_) } names(dir($server));
}

# All records, when there are as many; they are written a moment after the response.
sub wait_for
{
    my ($server, $n) = @_;
    Playcount::Server::wait_until("$n records", sub { names(dir($server)) >= $n });
    return records($server);
}

1;
