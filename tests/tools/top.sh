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

# Of what a second did, between two looks at two seconds' distance; the second operation is new
rates_are_by_the_second() {
  "$PYTHON3" - "$top_srcdir/tools/stuballoc-top" <<'END'
import importlib.machinery, importlib.util, sys
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("top", sys.argv[1])
top = importlib.util.module_from_spec(importlib.util.spec_from_loader("top", loader))
loader.exec_module(top)
def sample(seconds, *counts):
    rows = [{"interface": "one", "operation": i, "calls": calls, "bytes": bytes}
            for i, (calls, bytes) in enumerate(counts)]
    return seconds * 10**9, {"operations": rows}
now = sample(3, (160, 1000), (8, 4096))
top.with_rates(now, sample(1, (100, 1000)))
rates = [(row["calls_per_second"], row["bytes_per_second"]) for row in now[1]["operations"]]
assert rates == [(30, 0), (4, 2048)], rates
assert max(now[1]["operations"], key=top.sorting("rate"))["operation"] == 0
END
}

# On a terminal of 24 lines
fits_on_a_terminal() {
  "$PYTHON3" - "$PYTHON3" "$top_srcdir/tools/stuballoc-top" "$publisher" <<'END'
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.environ.pop("LINES", None), os.environ.pop("COLUMNS", None)
    os.execv(sys.argv[1], sys.argv[1:])
text = b""
while text.count(b"\x1b[H") < 2:
    text += os.read(terminal, 4096)
os.kill(pid, 9)
lines = text.decode().split("\x1b[H\x1b[J")[1].rstrip().splitlines()
assert len(lines) <= 23 and max(map(len, lines)) <= 80, lines
assert all(f"\n{title}" in "\n".join(lines) for title in ("operations", "threads", "blocks")), lines
END
}

# What is under such a name need not be what it is called
passes_over_what_others_left() {
  local file=/dev/shm/stuballoc-$(id -u).stats-$$ passed=true
  mkfifo "$file" && finds_nothing || passed=false
  rm -f "$file"
  ln -s "$stage/file" "$file" && head -c 100 /dev/urandom >"$stage/file" && finds_nothing || passed=false
  rm -f "$file"
  # complete at once, as a test that makes a section meanwhile takes it for left by a process
  (umask 077 && echo too short >"$file") && finds_nothing || passed=false
  rm -f "$file"
  $passed
}

check 'rates are by the second' rates_are_by_the_second
check 'there is nothing to be seen of a program that does not run' finds_nothing
check 'it passes over what are no figures' passes_over_what_others_left
start_program
check 'its figures add up, by name' eventually figures_add_up "$publisher"
check 'its figures add up, by number' figures_add_up "$program"
check 'they make a page' is_a_page
check 'it fits on a terminal' fits_on_a_terminal
check 'they are watched' start_watcher
check 'the watcher goes on with the next process when one was killed' goes_on_with_the_next
kill_program TERM
check 'a process that was ended is seen no more' finds_nothing
finish
