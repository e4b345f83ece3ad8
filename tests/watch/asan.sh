#!/bin/bash
# What AddressSanitizer says of a program that does one thing wrong with our blocks, when it and the
# library were built with it, and that it has nothing to say of one that does nothing wrong.
. "$top_srcdir/tests/watch/common.sh"

reason=
grep -Eq 'sanitize=([a-z,]*,)?address' <<<"$SANITIZER_FLAGS" \
  || reason='needs a build with --with-sanitizer=address'
needs "$reason"

poisoned='.* use-after-poison .* READ of size 1 .* look .*/wrong\.c:[0-9]+ .*'

check 'of nothing wrong it says nothing' says 0 ' ?' nothing
check 'a read after the end of the scope' says 1 "$poisoned" read-after-end
check 'a read from a large block after that' says 1 "$poisoned" read-large-after-end
check 'a read after a free in a scope' says 1 "$poisoned" read-after-free-in-scope
check 'a read from where a block was that was kept' says 1 "$poisoned" read-at-old-address
check 'a read after a free' says 1 "$poisoned" read-after-free
check 'a read from a large block after that' says 1 "$poisoned" read-large-after-free
finish
