#!/bin/bash
# stuballoc-top beside a program that publishes, dies, and is started anew.
. "$top_srcdir/tests/tap.sh"

if [ ! -f "$SA_PRELOAD" ] || [ -z "$PYTHON3" ]; then
  skip 'stuballoc-top' 'needs the preload library and python3'
  finish
  exit
fi

stage=$(mktemp -d)
program= watcher=

clean_up() {
  if [ -n "$program" ]; then kill -KILL "$program"; fi
  if [ -n "$watcher" ]; then kill "$watcher"; fi
  rm -rf "$stage"
} 2>/dev/null
trap clean_up EXIT

# Under a name that no other program has
publisher=publisher-$$
ln -s "$(command -v sleep)" "$stage/$publisher"

top() {
  "$PYTHON3" "$top_srcdir/tools/stuballoc-top" "$@"
}

start_program() {
  LD_PRELOAD=$SA_PRELOAD STUBALLOC=publish=on "$stage/$publisher" 60 &
  program=$!
}

kill_program() {
  kill "-$1" "$program"
  wait "$program" 2>/dev/null
  program=
}

# eventually COMMAND...: it succeeds within 20 seconds
eventually() {
  local i
  for ((i = 0; i < 200; i++)); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  "$@"
}

figures_add_up() {
  top --once --json "$1" | "$PYTHON3" -c '
import json, sys
figures = json.load(sys.stdin)
assert figures["live_bytes"] + figures["cached_bytes"] + figures["overhead_bytes"] \
       == figures["mapped_bytes"] > 0
assert figures["caches"] >= 1 and figures["classes"] and figures["caches_of_threads"]
'
}

is_a_page() {
  top --once "$publisher" | grep -q "^$publisher ($program): live .* blocks"
}

watches() {
  grep -q "\"process\": $1," "$stage/watched"
}

start_watcher() {
  "$PYTHON3" "$top_srcdir/tools/stuballoc-top" --json --interval 0.1 "$publisher" >"$stage/watched" &
  watcher=$!
  eventually watches "$program"
}

goes_on_with_the_next() {
  kill_program KILL
  eventually grep -q '^waiting for' "$stage/watched" || return 1
  start_program
  eventually watches "$program"
}

finds_nothing() {
  ! top --once "$publisher" 2>"$stage/error" && grep -q "^stuballoc-top: no $publisher that publishes" "$stage/error"
}

check 'there is nothing to be seen of a program that does not run' finds_nothing
start_program
check 'its figures add up, by name' eventually figures_add_up "$publisher"
check 'its figures add up, by number' figures_add_up "$program"
check 'they make a page' is_a_page
check 'they are watched' start_watcher
check 'the watcher goes on with the next process when one was killed' goes_on_with_the_next
kill_program TERM
check 'a process that was ended is seen no more' finds_nothing
finish
