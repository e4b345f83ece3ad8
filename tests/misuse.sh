#!/bin/bash
# What the programs in misuse/ demand of the library, as default or as hardened, whichever it is.
kind=default
if grep -q '^#define SA_HARDENED 1' "$top_builddir/config.h"; then kind=hardened; fi
exec "$PYTHON3" -B "$top_srcdir/tests/misuse/run" --tap "$kind" --build "$top_builddir"
