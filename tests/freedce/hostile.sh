#!/bin/bash
# Attacks on the catalog's server over FreeDCE: it goes on, and holds nothing afterwards. HOSTILE_MESSAGES
# says how many malformed messages there are in the last one.
. "$top_srcdir/tests/freedce/common.sh"
. "$top_srcdir/tests/attacks.sh"

runtime=freedce
mode=
count=${HOSTILE_MESSAGES:-100000}
if [ -n "$SANITIZER_FLAGS" ]; then count=5000; fi

start() {
  start_server $mode $protocol
}

# The server has nothing else open there than sections that it lends.
lends_nothing() {
  ! find "/proc/$server/fd" -lname '/dev/shm/*' | grep -q .
}

serves_and_holds_nothing() {
  server_lives && call $mode shelves 0 && call $mode 2 && eventually lends_nothing && stop_server
}

# KiB of the server that no file stands behind, but for its threads' stacks, of 128 MiB each: how deep
# one was ever used depends on which calls the thread happened to serve.
memory_but_stacks() {
  awk '/^Size:/ { is_stack = $2 == 131072 }
       /^Anonymous:/ && !is_stack { sum += $2 }
       END { print sum }' "/proc/$server/smaps"
}

# FreeDCE hands over strings without an end, past which the manager writes: see doc/runtimes.md
survives_malformed() {
  if [ "$HARDENED" = yes ] || [[ $SANITIZER_FLAGS == *address* ]]; then
    skip "$1" 'a string without an end ends the server, as it should there'
  else
    survives "$@"
  fi
}

# attack_all MODE DEPTH COUNT: with lists of so many nodes at most, and so many messages
attack_all() {
  mode=$1
  survives "$mode, clients that go at each stage" attack gone
  survives "$mode, requests over budget" attack budget
  survives "$mode, lists to recurse along" attack deep "$2"
  survives "$mode, requests that go on and on" attack long
  survives "$mode, requests that go on where they have said that they do not" attack hints
  survives_malformed "$mode, malformed stub data" attack malformed 3 "$3"
}

# No budget ends how deep the stack gets of stubs that were made without -midl.
depth=100000
if [ -n "$SANITIZER_FLAGS" ]; then depth=20000; fi
attack_all midl 400000 5000
runtime=osf
attack_all osf $depth 2000

runtime=freedce
mode=midl
survives '64 clients at once' many_clients midl 64 20
# Refused calls are reported with the place that addr2line tells, which would take most of the time
ln -s "$(type -P true)" "$stage/addr2line"
PATH=$stage:$PATH
# The 4 MiB that the engine may hold ready: less than 100 bytes a message
survives_malformed 'truncated, bit-flipped and random stub data' settles_after 4096 memory_but_stacks $count
finish
