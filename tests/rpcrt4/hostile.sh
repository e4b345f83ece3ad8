#!/bin/bash
# Attacks on the catalog's server over Wine's rpcrt4: it goes on, and holds nothing afterwards. Over TCP,
# where its clients lose an answer now and then; HOSTILE_MESSAGES says how many malformed ones there are.
. "$top_srcdir/tests/attacks.sh"

runtime=wine
limit=15
tries=8

start() {
  start_server rpcrt4 $protocol
}

serves_and_holds_nothing() {
  server_lives && call rpcrt4 shelves 0 && call rpcrt4 2 search && stop_server
}

# Where an answer was lost, a thread of the server may wait for ever to send it, and keep what its client had
# open (doc/runtimes.md). So what is left is asked of up to three servers.
survives_malformed() {
  local i
  for i in 1 2 3; do
    start && settles_after 4096 memory "${HOSTILE_MESSAGES:-5000}" && serves_and_holds_nothing \
      && return 0
    [ -z "$server" ] || { kill -KILL "$server" && wait "$server"; }
  done
  return 1
}

survives 'clients that go at each stage' attack gone
survives 'requests over budget' attack budget
survives 'lists to recurse along' attack deep 400000
survives 'requests that go on and on' attack long
check 'truncated, bit-flipped and random stub data: the server goes on, and holds nothing' \
  survives_malformed
survives '64 clients at once' many_clients rpcrt4 64 2 search
finish
