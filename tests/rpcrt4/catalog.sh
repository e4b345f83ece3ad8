#!/bin/bash
# The catalog's server and client, each in a process of its own, over rpcrt4.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/demo.sh"

windows_demo=$top_builddir/demo
rounds=5

# try_all PROTOCOL [ENDPOINT]
try_all() {
  local name=$1 protocol=$1 endpoint
  check "$name: the server listens" start_server rpcrt4 "$@"
  check "$name: every answer is right" call rpcrt4 $rounds
  check "$name: clients killed in a call leave no shelf" kill_clients rpcrt4
  check "$name: many clients at once are served" many_clients rpcrt4
  check "$name: the next client is served" call rpcrt4 1
  check "$name: the server's memory stays" memory_stays rpcrt4 1000 title
  check "$name: so it does when calls are refused" memory_stays rpcrt4 50 budget
  check "$name: the server stops" stop_server
}

# Over TCP the server of Wine's rpcrt4 misses a new connection now and then: wineserver has accepted it,
# and the server waits for it for ever. So this is for ncalrpc alone.
try_all ncalrpc "stuballoc-$$"
finish
