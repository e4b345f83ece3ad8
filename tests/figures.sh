#!/bin/bash
# What sa_write_stats writes can be read in each format, whatever interfaces are called.
. "$top_srcdir/tests/tap.sh"

can_be_read() {
  ./figures "$1" | "$PYTHON3" "$top_srcdir/tests/figures.py" "$1"
}

for format in text json prometheus; do
  if [ -n "$PYTHON3" ]; then
    check "$format" can_be_read $format
  else
    skip "$format" 'needs python3'
  fi
done
finish
