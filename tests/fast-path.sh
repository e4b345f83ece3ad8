#!/bin/bash
# Looks at what the compiler made of the fast paths. `fast-path.sh show` prints it, as it stands
# in doc/fast-path.md.

object=${SA_LIBRARY:-$top_builddir/src/.libs/libstuballoc.so}
OBJDUMP=${OBJDUMP:-objdump}

# Everything that is at most a table, a list and a compare stays in these two functions; the rest is
# called or jumped to.
code_of() {
  "$OBJDUMP" --disassemble="$1" --no-show-raw-insn --no-addresses "$object" \
    | sed -n "/<$1>:/,\$p" | sed '/^$/,$d; s/[[:space:]]*#.*//; s/  *$//'
}

show() {
  code_of sa_malloc
  echo
  code_of sa_free
}

if [ "${1-}" = show ]; then
  show
  exit
fi

. "$top_srcdir/tests/tap.sh"

is_there() {
  code_of "$1"
  [ "$(code_of "$1" | wc -l)" -gt 10 ]
}

# A locked instruction, an exchange (locked without saying so), or a fence
takes_no_lock_in() {
  ! grep -v 'xchg *%ax,%ax' | grep -E '\<(lock|xchg|[lms]fence|cmpxchg[0-9a-z]*|xadd)\>'
}

takes_no_lock() {
  code_of "$1" | takes_no_lock_in
}

# Nor does anything else on the fast path count: a sum that is made in memory
counts_nothing() {
  ! code_of "$1" | sed '/\<ret/q' \
    | grep -E '\<(inc|dec|neg|not|add|sub|adc|sbb|and|or|xor|sh[lr]|sar|ro[lr])[bwlq]? .*(\)|%[fg]s:0x[0-9a-f]+)$'
}

calls_nobody_first() {
  ! code_of "$1" | sed '/\<ret/q' | grep -E '\<call'
}

# By the compiler that doc/fast-path.md speaks of, with the flags that nobody has chosen
is_built_as_documented() {
  grep -aq 'GCC: ([^)]*) 12\.' "$object" && ! grep -aq 'clang version' "$object" \
    && grep -qx "CFLAGS='-g -O2'" "$top_builddir/config.log" \
    && ! grep -qE '^#define SA_(DEBUG|HARDENED) ' "$top_builddir/config.h"
}

# Where the linker puts data is nobody's concern
without_places() {
  sed 's/-\{0,1\}0x[0-9a-f]*(%rip)/(%rip)/'
}

looks_as_documented() {
  diff <(sed -n '/^```/,/^```/ { /^```/d; p }' "$top_srcdir/doc/fast-path.md" | without_places) \
    <(show | without_places)
}

# What a warm scope runs; behind it is what else may be. The exchange for systems without membarrier is
# there.
runs_no_lock() {
  code_of "$1" | sed '/\<ret/q' | takes_no_lock_in
}

if [ "$(uname -m)" != x86_64 ] || ! command -v "$OBJDUMP" >/dev/null || ! [ -f "$object" ] \
  || [ -n "${SANITIZER_FLAGS-}" ]; then
  skip 'the fast paths take no lock' 'needs a plain shared library for x86-64 and objdump'
  finish
  exit
fi

for function in sa_malloc sa_free; do
  check "$function is found" is_there $function
  check "$function has no locked instruction and no fence" takes_no_lock $function
  check "$function changes no count on its fast path" counts_nothing $function
  check "$function makes no call on its fast path" calls_nobody_first $function
done
if is_built_as_documented; then
  check 'they look as in doc/fast-path.md' looks_as_documented
else
  skip 'they look as in doc/fast-path.md' 'another compiler, or other flags'
fi
for function in sa_scope_create sa_scope_enter sa_scope_alloc sa_scope_leave sa_scope_destroy; do
  check "$function is found" is_there $function
  check "$function has no locked instruction and no fence on its fast path" runs_no_lock $function
  check "$function makes no call on its fast path" calls_nobody_first $function
done
finish
