#!/bin/bash
# Attacks on the catalog's server over FreeDCE: it goes on, and holds nothing afterwards. Each has a
# server of its own, at whose end the library names every scope that was left.
. "$top_srcdir/tests/freedce/common.sh"

protocol=ncacn_ip_tcp
count=50000
if [ -n "$SANITIZER_FLAGS" ]; then count=2500; fi

attack() {
  timeout 600 "$PYTHON3" "$top_srcdir/tests/freedce/hostile.py" "$endpoint" "$@"
}

# The server has nothing else open there than sections that it lends.
lends_nothing() {
  ! find "/proc/$server/fd" -lname '/dev/shm/*' | grep -q .
}

serves_and_holds_nothing() {
  server_lives && call midl shelves 0 && call midl 2 && eventually lends_nothing && stop_server
}

# survives NAME COMMAND...
survives() {
  check "$1: a server listens" start_server midl --uncounted $protocol
  check "$1: the attack is answered as it should" "${@:2}"
  check "$1: afterwards the server serves, and holds nothing" serves_and_holds_nothing
}

# KiB of the server that no file stands behind, but for its threads' stacks, of 128 MiB each: how deep
# one was ever used depends on which calls the thread happened to serve.
memory_but_stacks() {
  awk '/^Size:/ { is_stack = $2 == 131072 }
       /^Anonymous:/ && !is_stack { sum += $2 }
       END { print sum }' "/proc/$server/smaps"
}

# The second half finds the memory as the first one left it, but for the 4 MiB that the engine may hold
# ready: less than 100 bytes a message.
attack_malformed() {
  local before after
  attack malformed 1 $count && before=$(memory_but_stacks) \
    && attack malformed 2 $count && after=$(memory_but_stacks) || return 1
  echo "$before KiB after half of the messages, $after KiB after all"
  [ -n "$SANITIZER_FLAGS" ] || [ "$after" -le $((before + 4096)) ]
}

survives 'clients that go at each stage' attack gone
survives 'requests over budget' attack budget
survives 'lists to recurse along' attack deep
survives 'requests that go on and on' attack long
survives 'some malformed stub data' attack malformed 3 5000
# Whoever has refused calls reported waits for a program to be run each time
options=
survives 'truncated, bit-flipped and random stub data' attack_malformed
options=report=leaks
survives '64 clients at once' many_clients midl 64 20
finish
