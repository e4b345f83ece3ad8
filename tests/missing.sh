#!/bin/bash
# Stands for the tests that this build cannot have, so that each of them is counted as skipped.
. "$top_srcdir/tests/tap.sh"

for test in $MISSING_TESTS; do
  skip "$test" "not in this build, see configure's summary"
done
finish
