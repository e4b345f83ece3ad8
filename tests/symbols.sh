#!/bin/bash
# The libraries export what is on their lists, at the versions that stand there: a symbol that is new
# is put on the list on purpose, and one that is gone is a break of the ABI.
. "$top_srcdir/tests/tap.sh"

libraries=$top_builddir/src/.libs
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# "SYMBOL@VERSION", of a list in the format of deb-symbols(5)
listed() {
  sed -n 's/^ \([^ ]*\) .*/\1/p' "$1" | LC_ALL=C sort
}

# The name of the version itself is a symbol, too.
exported() {
  nm -D --defined-only "$1" | awk '{ name = $3; sub(/@@/, "@", name)
    print (name ~ /@/ ? name : name "@" name) }' | LC_ALL=C sort
}

has_soname() {
  "$OBJDUMP" -p "$1" | awk '$1 == "SONAME" { print $2 }' | grep -qx "$2"
}

exports_its_list() {
  local library=$1 list=$2
  has_soname "$library" "$(sed -n '1s/ .*//p' "$list")" || return
  listed "$list" >"$stage/listed"
  exported "$library" >"$stage/exported"
  diff "$stage/listed" "$stage/exported" >"$stage/difference" && return
  sed -n 's/^</gone:/p; s/^>/not on the list:/p' "$stage/difference"
  return 1
}

# try NAME LIST
try() {
  if ! [ -e "$libraries/$1.so" ]; then
    skip "$1 exports what is on its list" 'not in this build'
  elif ! grep -q "^HAVE_VERSION_MAP_TRUE=''" "$top_builddir/config.log"; then
    skip "$1 exports what is on its list" 'the linker knows no symbol versions'
  else
    check "$1 exports what is on its list" exports_its_list "$libraries/$1.so" "$2"
  fi
}

try libstuballoc "$top_srcdir/debian/libstuballoc0.symbols"
try libstuballoc-freedce "$top_srcdir/src/stuballoc-freedce.symbols"
finish
