#!/bin/bash
# Stands for the test programs that could not be built, so that each is counted as skipped.
. "$top_srcdir/tests/tap.sh"

for test in $MISSING_TESTS; do
  skip "$test" "needs cmocka and, for C++, a C++17 compiler"
done
finish
