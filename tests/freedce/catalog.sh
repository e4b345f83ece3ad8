#!/bin/bash
# The catalog's server and client, each in a process of its own, over FreeDCE.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/demo.sh"

native_demo=$top_builddir/demo
rounds=20

# FreeDCE's mutexes read their owner unlocked, which is not ours to report.
echo 'race:libdcerpc' >"$stage/tsan"
export TSAN_OPTIONS="$TSAN_OPTIONS suppressions=$stage/tsan"

# try_all SERVER-MODE CLIENT-MODE PROTOCOL [ENDPOINT]
try_all() {
  local name="$2 client, $1 server, $3" mode=$2 protocol=$3 endpoint
  check "$name: the server listens" start_server "$1" "${@:3}"
  check "$name: every answer is right" call "$mode" $rounds
  check "$name: a ring comes back as one" call "$mode" $rounds ring
  check "$name: clients killed in a call leave no shelf" kill_clients "$mode"
  check "$name: many clients at once are served" many_clients "$mode"
  check "$name: the next client is served" call "$mode" 1
  if [ -z "$SANITIZER_FLAGS" ]; then
    check "$name: the server's memory stays" memory_stays "$mode" 1000
  else
    skip "$name: the server's memory stays" 'a sanitizer keeps what is freed'
  fi
  check "$name: the server stops" stop_server
}

try_all midl midl ncacn_ip_tcp
try_all midl midl ncalrpc "$stage/socket"
try_all osf osf ncacn_ip_tcp
try_all midl osf ncacn_ip_tcp
finish
