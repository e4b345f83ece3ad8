#!/bin/bash
# STUBALLOC=trace=FILE and stuballoc-replay: what is recorded is what the program did, and runs again.
. "$top_srcdir/tests/tap.sh"
if [ "$HARDENED" = yes ]; then
  echo "1..0 # SKIP nothing is recorded in the hardened mode"
  exit
fi

if [ ! -f "$SA_PRELOAD" ] || [ -z "$PYTHON3" ]; then
  skip 'stuballoc-replay' 'needs the preload library and python3'
  finish
  exit
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trace=$stage/trace
program=$top_builddir/tests/tools/traced

replay() {
  "$PYTHON3" "$top_builddir/tools/stuballoc-replay" "$@"
}

# record WAY [FILE]: what the program says is in $stage/told, its standard error in $stage/said
record() {
  rm -f "$trace"
  STUBALLOC=trace=${2-$trace} "$program" "$1" >"$stage/told" 2>"$stage/said"
}

# has FILE WORD NUMBER...: as the program told, and nothing else is unmatched
has() {
  replay --describe --json "$1" >"$stage/json" && "$PYTHON3" - "$stage/json" unmatched 0 "${@:2}" <<'END'
import json, sys
trace = json.load(open(sys.argv[1]))["trace"]
told = dict(zip(sys.argv[2::2], map(int, sys.argv[3::2])))
wrong = [(word, number, trace[word]) for word, number in told.items() if trace[word] != number]
print(*wrong)
sys.exit(bool(wrong))
END
}

tells_what_was_done() {
  record "$1" && [ ! -s "$stage/said" ] && has "$trace" $(cat "$stage/told")
}

# The child's, without %p, are not recorded; with it, they have a file in which nobody allocated what the
# parent did
a_child_has_its_own_file() {
  tells_what_was_done fork && record fork "$stage/%p" || return
  local parent
  parent=$(sed 's/.*process //' "$stage/told")
  has "$stage/$parent" $(cat "$stage/told") || return
  rm "$stage/$parent"
  has "$stage"/[0-9]* allocs 250 frees 0 left 250 unmatched 500
}

# says_and_goes_on FILE LINE
says_and_goes_on() {
  record long "$1" && [ "$(cat "$stage/said")" = "$2" ] && grep -q '^allocs 200000' "$stage/told"
}

a_limit_to_files_ends_it() {
  (ulimit -f 64 && record long) || return
  grep -q "^stuballoc: trace=$trace: File too large; nothing is recorded from now on$" "$stage/said" \
    && [ "$(wc -l <"$stage/said")" = 1 ] \
    && replay --describe "$trace" 2>"$stage/said" >/dev/null && grep -q 'ends too early' "$stage/said"
}

# A program that closes what it did not open, and then writes to files of its own
leaves_the_programs_files_alone() {
  local said
  said=$(STUBALLOC=trace=$trace LD_PRELOAD=$SA_PRELOAD "$PYTHON3_REAL" -c '
import os, sys
os.closerange(3, 1000)
for i in range(3, 300):
    os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
blocks = [str(i) * 5 for i in range(300000)]
' "$stage/own" 2>&1)
  [ "$said" = "stuballoc: trace=$trace: Bad file descriptor; nothing is recorded from now on" ] \
    && [ ! -s "$stage/own" ]
}

# Only one process writes to a file
another_is_refused() {
  record long "$stage/held" || return
  (
    exec 9>>"$stage/held" && flock -n 9 || exit
    says_and_goes_on "$stage/held" \
      "stuballoc: trace=$stage/held: Device or resource busy; nothing is recorded"
  )
}

# refuses FILE LINE
refuses() {
  ! replay --describe "$1" >"$stage/output" 2>"$stage/error" \
    && [ "$(cat "$stage/error")" = "stuballoc-replay: $2" ] && [ ! -s "$stage/output" ]
}

what_is_no_trace() {
  refuses "$stage/none" "$stage/none: No such file or directory" \
    && refuses /dev/null '/dev/null is no trace' && refuses "$program" "$program is no trace"
}

another_version() {
  record exit && printf '\2' | dd of="$trace" bs=1 seek=8 conv=notrunc status=none \
    && refuses "$trace" "$trace is a trace of version 2; this program knows version 1"
}

another_order_of_bytes() {
  record exit && printf '\1\2\3\4' | dd of="$trace" bs=1 seek=12 conv=notrunc status=none \
    && refuses "$trace" "$trace was recorded on a machine with another order of bytes"
}

# describe_within KIB: of address space, of which the program takes some itself
describe_within() {
  (ulimit -v "$1" && "$top_builddir/tools/replay-trace" describe "$trace") >"$stage/output" 2>"$stage/error"
}

# Its 400,000 events would take 38 MiB
too_large_for_memory() {
  local refusal="$trace has 400000 events, which would take some 38 MiB of memory; there are 30"
  record long && ! describe_within $((30 << 10)) && [ ! -s "$stage/output" ] \
    && [ "$(cat "$stage/error")" = "stuballoc-replay: $refusal" ] \
    && describe_within $((120 << 10)) && [ ! -s "$stage/error" ]
}

# Cut anywhere, it is replayed up to there; changed anywhere, it is found out. One line is said.
damage_is_found() {
  record threads && "$PYTHON3" - "$top_builddir/tools/replay-trace" "$trace" <<'END'
import random, subprocess, sys
program, path = sys.argv[1:]
whole = open(path, "rb").read()
random.seed(7)

def describe(bytes):
    open(path, "wb").write(bytes)
    done = subprocess.run([program, "describe", path], capture_output=True, text=True, timeout=60)
    assert len(done.stderr.splitlines()) <= 1, done.stderr
    return done

for _ in range(60):
    length = random.randrange(64, len(whole))
    done = describe(whole[:length])
    assert done.returncode == 0 and ("ends too early" in done.stderr or not done.stderr), (length, done)
for _ in range(300):
    damaged = bytearray(whole)
    at = random.randrange(64, len(whole))
    damaged[at] ^= random.randrange(1, 256)
    done = describe(bytes(damaged))
    assert done.returncode == 1 and "damaged" in done.stderr or "ends too early" in done.stderr, (at, done)
END
}

# What cannot be seen by the sums does no harm: they are made right again
nonsense_does_no_harm() {
  record scopes && "$PYTHON3" - "$top_builddir/tools/replay-trace" "$trace" "$top_srcdir/tests/tools" <<'END'
import random, subprocess, sys
sys.dont_write_bytecode = True
sys.path.append(sys.argv[3])
from segments import segments, with_sums
program, path = sys.argv[1:3]
whole = open(path, "rb").read()
random.seed(7)
for turn in range(200):
    damaged = bytearray(whole)
    for _ in range(random.randrange(1, 20)):
        start, end = random.choice(segments(whole))
        damaged[random.randrange(start + 32, end)] = random.randrange(256)
    open(path, "wb").write(with_sums(damaged))
    done = subprocess.run([program, "describe", path], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1) and len(done.stderr.splitlines()) <= 1, (turn, done)
END
}

# In scopes, without, and by another malloc, if it is there
runs_again() {
  record "$1" && replay --rounds 1 --json "$trace" >"$stage/json" 2>"$stage/said" \
    && [ ! -s "$stage/said" ] && "$PYTHON3" - "$stage/json" <<'END'
import json, sys
results = json.load(open(sys.argv[1]))["results"]
names = [each["name"] for each in results]
assert "stuballoc" in names and "glibc" in names, names
assert all(each["nanoseconds"] > 0 and each["peak"] > 0 and each["fragmentation"] > 0.5 for each in results), results
END
}

draws_plots() {
  record scopes && replay --rounds 1 --plot "$stage/plots" "$trace" >/dev/null || return
  local plot
  for plot in memory sizes; do
    grep -q '<svg' "$stage/plots/$plot.svg" && grep -q '</svg>' "$stage/plots/$plot.svg" || return
  done
  grep -q 'stuballoc, scopes' "$stage/plots/memory.svg"
}

given_allocators_take_part() {
  record long && replay --rounds 1 --allocator "mine=$SA_PRELOAD" "$trace" | grep -q '^mine ' \
    && ! replay --allocator mine=/nowhere.so "$trace" 2>"$stage/error" \
    && grep -q "is not NAME=PATH" "$stage/error"
}

# Under plain malloc, by the preload library. Python would take the strings from arenas of its own.
a_program_that_knows_nothing_is_recorded() {
  PYTHONMALLOC=malloc STUBALLOC=trace=$trace LD_PRELOAD=$SA_PRELOAD \
    "$PYTHON3_REAL" -c 'print(len([str(i) for i in range(100000)]))' \
    && replay --describe --json "$trace" | "$PYTHON3" -c '
import json, sys
trace = json.load(sys.stdin)["trace"]
assert trace["allocs"] > 100000 and trace["unmatched"] == 0 and trace["peak_live"] > 5 << 20, trace
'
}

# names_operations FILE: what the catalog's server did
names_operations() {
  replay --describe "$1" | tee "$stage/output" && grep -q '^catalog 1 .* [1-9]' "$stage/output" \
    && replay --describe --json "$1" | "$PYTHON3" -c '
import json, sys
trace = json.load(sys.stdin)["trace"]
assert trace["scopes"] == trace["calls"] == sum(each["calls"] for each in trace["operations"]) > 10
assert trace["unmatched"] == 0 and all(each["interface"] == "catalog" for each in trace["operations"])
'
}

a_server_is_recorded() {
  local server line=
  STUBALLOC=trace=$trace "$top_builddir/demo/midl-server" ncalrpc "$stage/socket" >"$stage/server" &
  server=$!
  for ((i = 0; i < 300; i++)); do
    if grep -q '^listening' "$stage/server"; then break; fi
    sleep 0.1
  done
  "$top_builddir/demo/midl-client" ncalrpc "$stage/socket" 1
  kill "$server" && wait "$server"
  names_operations "$trace"
}

# Not a shell script that starts it
PYTHON3_REAL=$("$PYTHON3" -c 'import os, sys; print(os.path.realpath(sys.executable))')

for way in threads scopes exit long; do
  check "a trace tells what was done: $way" tells_what_was_done "$way"
done
check 'a child of a fork has a file of its own, or none' a_child_has_its_own_file
check 'a full disk ends it, on one line' says_and_goes_on /dev/full \
  'stuballoc: trace=/dev/full: No space left on device; nothing is recorded'
check 'a limit to the size of files ends it, on one line' a_limit_to_files_ends_it
check 'a file that cannot be written is said once' says_and_goes_on "$stage/none/trace" \
  "stuballoc: trace=$stage/none/trace: No such file or directory; nothing is recorded"
check 'a program that closes all files keeps its own' leaves_the_programs_files_alone
check 'two programs do not write to one file' another_is_refused
check 'what is no trace is refused' what_is_no_trace
check 'so is another version' another_version
check 'and another order of bytes' another_order_of_bytes
check 'and one that is too large for the memory' too_large_for_memory
check 'damage is found, and a part is read' damage_is_found
check 'nonsense does no harm' nonsense_does_no_harm
for way in threads scopes exit; do
  check "it runs again: $way" runs_again "$way"
done
if command -v gnuplot >/dev/null; then
  check 'both plots are drawn' draws_plots
else
  skip 'both plots are drawn' 'needs gnuplot'
fi
check 'another malloc takes part' given_allocators_take_part
check 'a program under plain malloc is recorded' a_program_that_knows_nothing_is_recorded
check 'the trace in the tree names its operations' names_operations "$top_srcdir/bench/catalog.trace"
if [ -x "$top_builddir/demo/midl-server" ]; then
  check "a server's operations are recorded" a_server_is_recorded
else
  skip "a server's operations are recorded" 'needs FreeDCE'
fi
finish
