#!/bin/bash
# The manual pages are well-formed, and complete: they name what the headers declare, as it is
# declared there, and every option.
. "$top_srcdir/tests/man/common.sh"

# What is in the headers without comments: functions, macros like them and, for C++, classes
declared() {
  local headers
  headers=$(find "$top_srcdir/include" -name '*.h')
  sed 's,/\*.*\*/,,; /\/\*/,/\*\//d' $headers | tr '\n' ' ' | tr ';{' '\n\n' \
    | sed -n 's/.*SA_API [^(]*[ *(]\([A-Za-z_][A-Za-z_]*\))\{0,1\}(.*/\1/p'
  sed -n -e 's/^\([A-Z][a-z]*\)(.*/concurrency::\1/p' -e 's/^class \([a-z_]*\).*/stuballoc::\1/p' \
    "$top_srcdir/include/stuballoc/concurrency.hpp"
  sed -n 's/^#define \(SA_[A-Z]*\)(.*/\1/p' $headers | grep -vx SA_ATTRIBUTE
}

same_names() {
  declared | sort -u >"$stage/declared"
  for page in "$man"/*.3; do names_of "$page"; done | sort -u >"$stage/documented"
  diff "$stage/declared" "$stage/documented" >"$stage/difference" && return
  sed -n 's/^</has no page:/p; s/^>/has a page, and is in no header:/p' "$stage/difference"
  return 1
}

# Keys and values are all the words that the code which reads them compares with.
options_documented() {
  local word missing=0
  grep -o '"[a-z_]*"' "$top_srcdir/src/engine/options.c" | tr -d '"' | sort -u >"$stage/words"
  grep -qx large_pages "$stage/words" || return
  while read -r word; do
    grep '^\.It Cm ' "$man/stuballoc.7" | grep -qw "$word" && continue
    echo "not in stuballoc(7): $word"
    missing=1
  done <"$stage/words"
  return $missing
}

# What is installed into bin
programs() {
  cat "$top_srcdir/Makefile.am" "$top_srcdir"/*/Makefile.am \
    | sed -n 's/^\(dist_\|nodist_\)\{0,1\}bin_\(SCRIPTS\|PROGRAMS\) *+\{0,1\}= *//p' \
    | tr ' ' '\n' | sed 's,.*/,,' | sort
}

programs_documented() {
  programs >"$stage/programs"
  grep -qx stuballoc-top "$stage/programs" || return
  for page in "$man"/*.1; do names_of "$page"; done | sort >"$stage/documented"
  diff "$stage/programs" "$stage/documented" >"$stage/difference" && return
  sed -n 's/^</has no page:/p; s/^>/has a page, and is no program:/p' "$stage/difference"
  return 1
}

lint() {
  local said
  said=$("$MANDOC" -T lint -W warning "$1" 2>&1)
  echo "$said"
  [ -z "$said" ]
}

# Repeats the declarations of its header as the page has them; the compiler sees what differs.
synopsis_is_true() {
  { "$MANDOC" -T ascii -O width=200 "$1" | sed 's/.\x08//g' \
    | sed -n '/^SYNOPSIS/,/^[^ S]/ { /^ *#define/d; /^ /p; }'; echo 'typedef int nothing_else;'; } \
    >"$stage/synopsis.c"
  grep -q '(.*);' "$stage/synopsis.c" \
    && $CC -std=c11 -Wall -Wextra -Werror -I"$top_srcdir/include" -fsyntax-only "$stage/synopsis.c"
}

# Under each of its names
pages_installed() {
  local page name
  "$MAKE" -s -C "$top_builddir/doc/man" install >/dev/null DESTDIR="$stage/root" mandir=/man || return
  for page in "$man"/*.[137]; do
    for name in $(names_of "$page"); do
      cmp "$page" "$stage/root/man/man${page##*.}/$name.${page##*.}" || return
    done
  done
  "$MAKE" -s -C "$top_builddir/doc/man" uninstall DESTDIR="$stage/root" mandir=/man \
    && [ -z "$(find "$stage/root" ! -type d)" ]
}

# A page of ours that is not there would be looked for at Debian's.
html_is_whole() {
  local html=$top_builddir/doc/man/html
  "$MAKE" -s -C "$top_builddir/doc/man" html || return
  grep -q 'href="./sa_free\.3\.html"' "$html/stuballoc.7.html" \
    && ! grep -E 'href="[^"]*debian[^"]*/(sa_|Rpc|midl|stuballoc|concurrency)' "$html"/*.html
}

check 'the pages and the headers have the same names' same_names
check 'the pages and the programs have the same names' programs_documented
check 'stuballoc(7) has every option' options_documented
check 'each name of a page is installed, and uninstalled' pages_installed
if [ -n "$MANDOC" ]; then
  check 'the HTML pages find one another' html_is_whole
else
  skip 'the HTML pages find one another' 'needs mandoc'
fi
for page in "$man"/*.[1-9]; do
  name=${page##*/}
  if [ -z "$MANDOC" ]; then
    skip "$name is well-formed" 'needs mandoc'
    continue
  fi
  check "$name is well-formed" lint "$page"
  if grep -q '^\.In stuballoc.*\.h$' "$page"; then
    check "the synopsis of $name is true" synopsis_is_true "$page"
  fi
done
finish
