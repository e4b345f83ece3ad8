#!/bin/bash
# perl: hashes, strings that grow, closures, regular expressions, recursion, fork.
. "$top_srcdir/tests/preload/common.sh" || exit
needs perl

cat >script.pl <<'PERL'
use strict;
use warnings;

# A generator of our own: rand() differs between builds of perl
my $seed = 1;
sub random { $seed = ($seed * 1103515245 + 12345) % 2**31; int($seed / 65536) % $_[0] }

my %words;
for (1 .. 200_000) {
  my $word = join '', map { chr(97 + random(26)) } 1 .. 1 + random(3);
  push @{ $words{$word} }, $_;
}
my @order = sort { @{ $words{$b} } <=> @{ $words{$a} } || $a cmp $b } keys %words;
print scalar(@order), " words, most often @order[0 .. 9]\n";

my $text = '';
$text .= "$_=" . ('x' x random(300)) . ";\n" for 1 .. 20_000;
my $pairs = () = $text =~ /^\d+=(x+);$/mg;
(my $shorter = $text) =~ s/x{2}/y/g;
print length $text, " characters, $pairs pairs, ", length $shorter, " left\n";

my @adders = map { my $n = $_; sub { $n += shift } } 1 .. 50_000;
my $sum = 0;
$sum += $_->(1) for @adders;
print "closures: $sum\n";

sub tree { my $depth = shift; $depth ? [ tree($depth - 1), tree($depth - 1), 'x' x $depth ] : undef }
sub leaves { my $tree = shift; $tree ? leaves($tree->[0]) + leaves($tree->[1]) : 1 }
print "leaves: ", leaves(tree(14)), "\n";

# A child frees and reuses what its parent allocated
$| = 1;
for my $child (1 .. 3) {
  my $pid = fork // die "fork: $!";
  if (!$pid) {
    delete @words{ @order[0 .. 999] };
    my @more = map { 'z' x $_ } 1 .. 1000;
    print "child $child: ", scalar(keys %words), ' ', length join('', @more), "\n";
    exit 0;
  }
  waitpid $pid, 0;
  die "child: $?" if $?;
}
PERL

takes_effect perl -e 1
same 'a script gives the same output' perl ../script.pl
finish
