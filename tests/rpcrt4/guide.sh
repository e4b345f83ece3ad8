#!/bin/bash
# doc/guide-mingw.md, done in an empty directory against an installed stuballoc.
. "$top_srcdir/tests/install-common.sh"

guide=$top_srcdir/doc/guide-mingw.md
server=
clean_up() {
  if [ -n "$server" ]; then kill -KILL "$server"; fi
  rm -rf "$stage"
} 2>/dev/null
trap clean_up EXIT
mkdir work
cd work || exit 1

# block HEADER: what stands in the code block that starts with it
block() {
  awk -v header="\`\`\`$1" '$0 == header { inside = 1; next } /^```/ { inside = 0 } inside' "$guide"
}

extracts() {
  block idl >names.idl && block 'c server.c' >server.c && block 'c client.c' >client.c \
    && block 'make Makefile' >Makefile && [ -s names.idl ] && [ -s server.c ] && [ -s client.c ]
}

# builds ARGUMENT...
builds() {
  PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$libdir/pkgconfig env -u CC -u CFLAGS \
    "$MAKE" -B PKG_CONFIG="$PKG_CONFIG" "$@"
}

greets() {
  local status=0
  rm -f input said
  mkfifo input
  $WINE server.exe <input >said 2>&1 &
  server=$!
  exec 9>input
  eventually grep -q listening said && timeout 60 $WINE client.exe 9>&- | tr -d '\r' | grep -x 'hello, world' || status=1
  exec 9>&-
  wait "$server" || status=1
  server=
  return $status
}

WINEPATH="$WINEPATH;Z:$(dirname "$(find "$root" -name libstuballoc-0.dll)")"

check 'the guide has four files' extracts
check 'they build' builds
check 'the client is greeted' greets
export WINEPATH=
check 'they build without DLLs' builds LINK='x86_64-w64-mingw32-gcc -static'
check 'the client is greeted' greets
finish
