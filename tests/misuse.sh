#!/bin/bash
# What the programs in misuse/ demand of the library in both of its modes.
exec "$PYTHON3" -B "$top_srcdir/tests/misuse/run" --tap --build "$top_builddir"
