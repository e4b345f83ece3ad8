#!/bin/bash
# gcc: the compiler proper and the assembler, on this project's own engine.
. "$top_srcdir/tests/preload/common.sh" || exit
needs gcc

set -- -c -O3 -Wall -I"$top_builddir" -I"$top_srcdir/include" -I"$top_srcdir/src"
[ -e "$top_builddir/config.h" ] && set -- "$@" -include config.h
set -- gcc "$@" "$top_srcdir"/src/os/posix.c "$top_srcdir"/src/engine/*.c

takes_effect "$@"
same 'the engine compiles with the same messages' "$@"
same_files 'the object files are the same'
finish
