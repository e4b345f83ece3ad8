#!/bin/bash
# A program with more rights than who starts it does not listen to that one's STUBALLOC.
. "$top_srcdir/tests/tap.sh"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
program=$stage/program

# Names a scope that it loses, and says whether the system knows it for such a program
cat >"$stage/program.c" <<'END'
#include <stdio.h>
#include <sys/auxv.h>

#include <stuballoc.h>

int
main(void)
{
  const sa_scope_options options = {.name = "lost"};
  puts(getauxval(AT_SECURE) ? "secure" : "usual");
  return sa_scope_create(&options) == NULL;
}
END

builds() {
  "$top_builddir/libtool" --quiet --tag=CC --mode=link $CC -static -pthread $SANITIZER_FLAGS \
    -I"$top_srcdir/include" "$stage/program.c" "$top_builddir/src/libstuballoc.la" -o "$program"
}

run() {
  STUBALLOC=report=leaks,nonsense=1 "$program" 2>&1
}

listens() {
  run | grep "scope 'lost'"
}

takes_another_users_rights() {
  chmod 755 "$stage" && chown nobody "$program" && chmod 4755 "$program"
} 2>/dev/null

says_nothing() {
  [ "$(run)" = secure ]
}

check 'the program' builds
check 'it does what STUBALLOC asks for' listens
if takes_another_users_rights && run | grep -q ^secure; then
  check 'with the rights of another user it does not' says_nothing
else
  skip 'with the rights of another user it does not' 'needs root, and set-user-ID programs in TMPDIR'
fi
finish
