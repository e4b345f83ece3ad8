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

survives 'clients that go at each stage' attack gone
survives 'requests over budget' attack budget
survives 'lists to recurse along' attack deep 400000
survives 'requests that go on and on' attack long
survives 'truncated, bit-flipped and random stub data' \
  grows_by_at_most 4096 memory "${HOSTILE_MESSAGES:-5000}"
survives '64 clients at once' many_clients rpcrt4 64 2 search
finish
