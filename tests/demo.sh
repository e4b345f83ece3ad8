#!/bin/bash
# The demo runs to its end and finds nothing left; and when it is interrupted, so does it leave nothing.
. "$top_srcdir/tests/tap.sh"

# Under Wine it runs in a prefix of its own, since it stops all that runs there; and it is slower.
command=("$PYTHON3" "$top_srcdir/demo/run" "$top_builddir")
many=1000
prefix=$top_builddir/demo/wine
if [ -e "$top_builddir/demo/.libs/rpcrt4-server.exe" ]; then
  "$MAKE" -s -C "$top_builddir/demo" wine/ready >&2
  command=(env WINEPREFIX="$prefix" "${command[@]}")
  many=200
fi

output=$(mktemp)
demo=
clean_up() {
  if [ -n "$demo" ]; then kill -KILL -- "-$demo"; fi
  rm -f "$output"
} 2>/dev/null
trap clean_up EXIT

status=
leaves_nothing() {
  "${command[@]}" 3 >"$output" 2>&1
  status=$?
  cat "$output"
  [[ $status = 0 || $status = 77 ]] \
    && grep -q '^==> Left allocated: 0 bytes .*, 0 blocks and 0 shelves .*, 0 scopes$' "$output"
}

# shows PROTOCOL: below its heading, a row of counts and one of times for every operation, with both memories
shows() {
  awk -v protocol="$1" '
    /^==> / { here = index($0, ", " protocol ",") }
    here && /the client: taken, freed/ { in_counts = 1 }
    here && /microseconds a call/ { in_counts = 0; in_times = 1 }
    here && in_counts && /^  [a-z]+ .*[0-9]  \|/ { counts++ }
    here && in_counts && /^    malloc .*-  \|/ { malloc_counts++ }
    here && in_times && /^  [a-z]+ +[0-9]+ +[0-9]+$/ { times++ }
    END { print counts, malloc_counts, times; exit !(counts == 8 && malloc_counts == 8 && times == 8) }' "$output"
}

# A process of the demo's group that is more than a zombie, or one of its Wine
somebody_runs() {
  cat /proc/[0-9]*/stat 2>/dev/null \
    | awk -v group="$demo" '$5 == group && $3 != "Z" { found = 1; print $2 } END { exit !found }' \
    || grep -lszx "WINEPREFIX=$prefix" /proc/[0-9]*/environ
}

# In a process group of its own, as a shell starts it; bash has a background job ignore SIGINT, so it
# is given back its meaning.
start_demo() {
  setsid "$PYTHON3" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execvp(sys.argv[1], sys.argv[1:])' "${command[@]}" "$many" >"$output" 2>&1 &
  demo=$!
}

is_over() {
  ! kill -0 "$demo"
}

# interrupt STAGE: as Ctrl-C does it
interrupt() {
  start_demo
  eventually grep -q "$1" "$output" && sleep 0.5 && somebody_runs || return 1
  kill -INT -- "-$demo"
  eventually is_over
  if ! somebody_runs; then demo= && return 0; fi
  cat "$output"
  return 1
}

check 'nothing is left allocated' leaves_nothing
check 'what was taken and how long it took is shown, with both memories' shows ncalrpc
if [ "$status" = 77 ]; then
  skip 'so it is over TCP' 'the runtime lost answers, which the demo says'
else
  check 'so it is over TCP' shows ncacn_ip_tcp
fi
check 'Ctrl-C while it counts stops all of it' interrupt 'all blocks counted'
check 'Ctrl-C while it measures stops all of it' interrupt 'measuring, 1 of'
finish
