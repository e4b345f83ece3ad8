#!/bin/bash
# What memcheck says of a program that does one thing wrong with our blocks, and that it has nothing to
# say of one that does nothing wrong.
. "$top_srcdir/tests/watch/common.sh"

reason=
[ -n "$VALGRIND" ] || reason='needs valgrind'
grep -q '^#define HAVE_VALGRIND_MEMCHECK_H 1' "$top_builddir/config.h" \
  || reason='needs <valgrind/memcheck.h> when the library is built'
[ -z "$SANITIZER_FLAGS" ] || reason='a program with a sanitizer does not run under valgrind'
needs "$reason"
if "$top_builddir/libtool" --mode=execute "$VALGRIND" ./watch/wrong nothing 2>&1 \
  | grep -qi 'reading debug info'; then
  needs "valgrind does not understand this compiler's debug information"
fi

tool="$VALGRIND --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"

memcheck_says() {
  says "$@" $tool
}

# The library's own functions stand above those of the program, some of which are inlined.
ours='([^(]*\([a-z]+\.c:[0-9]+\) )*by'
line='\(wrong\.c:[0-9]+\)'
lost="100 bytes in 1 blocks are definitely lost .* at $ours"
read="Invalid read of size 1 at look $line .* Address [^ ]+ is 8 bytes inside a block of size"
freed="free'd at $ours"
allocated="$line .* Block was alloc'd at $ours"

check 'of nothing wrong it says nothing' memcheck_says 0 ' ?' nothing
check 'a block that is lost in a scope' \
  memcheck_says 99 "$lost allocate_in $line by leak_in_scope $line .*" leak-in-scope
check 'a block that a stub loses in a call' \
  memcheck_says 99 "$lost allocate_as_stub[^ ]* $line by leak_in_call $line .*" leak-in-call
check 'a read after the end of the scope' \
  memcheck_says 99 "$read 100 $freed end $allocated allocate_in $line .*" read-after-end
check 'a read from a large block after that' \
  memcheck_says 99 "$read 100,000 $freed end $allocated allocate_in $line .*" read-large-after-end
check 'a read after a free in a scope' \
  memcheck_says 99 "$read 100 $freed release $allocated allocate_in $line .*" read-after-free-in-scope
check 'a read from where a block was that was kept' \
  memcheck_says 99 "$read 100 $freed move_out $allocated allocate_in $line .*" read-at-old-address
check 'a block of the engine that is lost' \
  memcheck_says 99 "$lost allocate[^ ]* $line by leak $line .*" leak
check 'a read after a free' \
  memcheck_says 99 "$read 100 $freed release $allocated allocate[^ ]* $line .*" read-after-free
check 'a read from a large block after that' \
  memcheck_says 99 "$read 100,000 $freed release $allocated allocate[^ ]* $line .*" read-large-after-free
check 'a read behind a block' memcheck_says 99 \
  "Invalid read .* 0 bytes after a block of size 100 alloc'd at $ours allocate[^ ]* $line .*" read-behind
check 'a second free, before the library says so' memcheck_says 134 \
  "Invalid free\(\) .* at $ours release $line by free_twice .* stuballoc: free of .*" free-twice
finish
