#!/bin/bash
# Installs into a scratch directory and uses the library from there, as a program outside would.
. "$top_srcdir/tests/install-common.sh"

flags() {
  PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$(dirname "$pc") \
    "$PKG_CONFIG" --cflags --libs "$@" stuballoc
}

# The first one that is in C
readme_program() {
  sed -n '/^```c$/,/^```$/ { /^```c/d; /^```/q; p }' "$top_srcdir/README.md"
}

hello_shared() {
  $CC hello.c $(flags) -o hello && says_hello env LD_LIBRARY_PATH="$libdir" ./hello
}

hello_static() {
  $CC hello.c -static $(flags --static) -o hello-static && says_hello ./hello-static
}

concurrency() {
  $1 -std=c++17 "$top_srcdir/tests/$2" -pthread $(flags) \
    $CMOCKA_CFLAGS $CMOCKA_LIBS -o concurrency && LD_LIBRARY_PATH=$libdir ./concurrency
}

freedce_flags() {
  PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$(dirname "$pc") \
    "$PKG_CONFIG" --cflags --libs stuballoc-freedce
}

# The prefix of FreeDCE is not below the root, where pkg-config would have it
freedce_links() {
  local flags
  flags=$(freedce_flags | sed "s,$root$DCERPC_PREFIX,$DCERPC_PREFIX,g")
  $CC freedce.c $flags -o freedce && LD_LIBRARY_PATH=$libdir ./freedce
}

readme_program >hello.c
check "README.md's program is examples/hello.c" diff hello.c "$top_srcdir/examples/hello.c"

if exists "$libdir/libstuballoc.so"; then
  check 'it runs with the shared library' hello_shared
else
  skip 'it runs with the shared library' 'configured with --disable-shared'
fi
if exists "$libdir/libstuballoc.a"; then
  check 'it runs with the static library' hello_static
else
  skip 'it runs with the static library' 'configured with --disable-static'
fi

if [ -n "$DCERPC_PREFIX" ] && exists "$libdir/libstuballoc-freedce.so"; then
  freedce_program
  check "a program for FreeDCE runs with the shared library" freedce_links
else
  skip "a program for FreeDCE runs with the shared library" "needs FreeDCE and shared libraries"
fi

for compiler in g++ clang++; do
  if [ -n "$CMOCKA_LIBS" ] && command -v "$compiler" >/dev/null; then
    check "concurrency.hpp with $compiler" concurrency "$compiler" unit/test_concurrency.cpp
    check "scopes in C++ with $compiler" concurrency "$compiler" rpcss/test_cxx.cpp
  else
    skip "concurrency.hpp with $compiler" "needs cmocka and $compiler"
  fi
done
finish
