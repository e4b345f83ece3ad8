#!/bin/bash
# The tarball of `make dist` builds where Autotools are not installed, outside of its own directory.
. "$top_srcdir/tests/tap.sh"

if [ -n "$SANITIZER_FLAGS" ]; then
  skip 'the tarball' 'is that of every other build'
  finish
  exit
fi

stage=$(mktemp -d)
trap 'chmod -R u+w "$stage"; rm -rf "$stage"' EXIT
autotools='autoconf* automake* aclocal* autoheader* autoreconf* autom4te* autoscan* autoupdate*
  ifnames* libtool* m4'

# Everything that is on PATH but Autotools
path_without_autotools() {
  local directory tools=$stage/bin
  mkdir "$tools"
  for directory in ${PATH//:/ }; do
    find -L "$directory" -maxdepth 1 -type f -perm -u+x -exec ln -st "$tools" {} + 2>/dev/null
  done
  (cd "$tools" && rm -f $autotools)
  PATH=$tools
}

# Not under its usual name, which is the user's
makes_tarball() {
  local name=stuballoc-of-test
  "$MAKE" -s -C "$top_builddir" dist-gzip distdir=$name \
    && mv "$top_builddir/$name.tar.gz" "$stage" && tar -xzf "$stage/$name.tar.gz" -C "$stage" \
    && mv "$stage/$name" "$stage/source"
}

builds() {
  (mkdir "$stage/build" && cd "$stage/build" && chmod -R a-w "$stage/source" \
    && CC=$CC "$stage/source/configure" --quiet --disable-static && "$MAKE" -s)
}

runs() {
  [ "$("$stage/build/examples/hello")" = 'hello from a block of 64 bytes' ]
}

check 'make dist' makes_tarball
path_without_autotools
check 'there is no autoconf, automake or libtool' [ -z "$(command -v autoconf automake libtoolize)" ]
check 'the tarball builds' builds
check 'what it builds runs' runs
finish
