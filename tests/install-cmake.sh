#!/bin/bash
# A program outside that is built by CMake finds the installed library.
if [ -z "$CMAKE" ]; then
  . "$top_srcdir/tests/tap.sh"
  skip 'CMake finds the library' 'needs cmake'
  finish
  exit
fi
. "$top_srcdir/tests/install-common.sh"

# project NAME LINES...: a project in a directory of its own that builds hello.c
project() {
  local name=$1
  shift
  mkdir "$name"
  {
    printf '%s\n' 'cmake_minimum_required(VERSION 3.13)' "project($name C)"
    printf '%s\n' "$@"
  } >"$name/CMakeLists.txt"
  cp "$top_srcdir/examples/hello.c" "$name"
}

# configure NAME ARGUMENTS...
configure() {
  local name=$1
  shift
  CC=$CC "$CMAKE" -S "$name" -B "$name/build" -DCMAKE_PREFIX_PATH="$(dirname "$libdir")" "$@"
}

builds() {
  configure "$@" && "$CMAKE" --build "$1/build"
}

hello() {
  builds "$@" && says_hello "$1/build/hello"
}

uses_static_library() {
  hello "$@" && ! ldd "$1/build/hello" | grep stuballoc
}

is_refused() {
  ! configure "$1" >"$1/said" 2>&1 && cat "$1/said" && grep -q "$2" "$1/said"
}

links='add_executable(hello hello.c)
target_link_libraries(hello stuballoc::stuballoc)'
version=$(PKG_CONFIG_LIBDIR=$(dirname "$pc") "$PKG_CONFIG" --modversion stuballoc)

project plain "find_package(stuballoc $version REQUIRED)" "$links"
check 'CMake finds the library, at its version' hello plain
project static 'set(CMAKE_FIND_LIBRARY_SUFFIXES .a)' 'find_package(stuballoc REQUIRED)' "$links"
if exists "$libdir/libstuballoc.a"; then
  check 'CMake takes the static library when asked to' uses_static_library static
else
  skip 'CMake takes the static library when asked to' 'configured with --disable-static'
fi
project later 'find_package(stuballoc 99 REQUIRED)'
check 'a later version is not found' is_refused later 'version "99'
project nonsense 'find_package(stuballoc REQUIRED COMPONENTS nonsense)'
check 'a component that there is not is not found' is_refused nonsense 'built without nonsense'

if [ -n "$DCERPC_PREFIX" ]; then
  project freedce 'find_package(stuballoc REQUIRED COMPONENTS freedce)' \
    'add_executable(caught freedce.c)' 'target_link_libraries(caught stuballoc::freedce)'
  (cd freedce && freedce_program)
  check 'CMake finds the library for FreeDCE' builds freedce
  check 'the program for FreeDCE runs' freedce/build/caught
else
  skip 'CMake finds the library for FreeDCE' 'needs FreeDCE'
fi
finish
