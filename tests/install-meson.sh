#!/bin/bash
# A program outside that is built by Meson finds the installed library, by its pkg-config file.
if [ -z "$MESON" ]; then
  . "$top_srcdir/tests/tap.sh"
  skip 'Meson finds the library' 'needs meson'
  finish
  exit
fi
. "$top_srcdir/tests/install-common.sh"

project() {
  cp "$top_srcdir/examples/hello.c" .
  cat >meson.build <<END
project('hello', 'c', default_options: ['c_std=c11'])
stuballoc = dependency('stuballoc', version: '>=0.1')
executable('hello', 'hello.c', dependencies: stuballoc)
END
}

builds() {
  CC=$CC PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$(dirname "$pc") "$MESON" setup build \
    && "$MESON" compile -C build
}

project
check 'Meson finds the library' builds
check 'the program runs' says_hello env LD_LIBRARY_PATH="$libdir" build/hello
finish
