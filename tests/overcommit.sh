#!/bin/bash
# With overcommit off (vm.overcommit_memory=2, which is root's to set), where the system promises no more
# memory than it has: all calls may fail as ever, in both modes, and nothing more is asked for than used.
. "$top_srcdir/tests/tap.sh"

is_off() {
  [ "$(cat /proc/sys/vm/overcommit_memory 2>/dev/null)" = 2 ]
}

# with_faults MODE
with_faults() {
  STUBALLOC=hardened=$1 "$top_builddir/tests/faults"
}

for mode in off on; do
  name="calls fail cleanly with overcommit off and hardened=$mode"
  if is_off; then
    check "$name" with_faults "$mode"
  else
    skip "$name" 'overcommit is on'
  fi
done
finish
