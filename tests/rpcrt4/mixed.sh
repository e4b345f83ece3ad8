#!/bin/bash
# A server with one runtime and clients with the other, over TCP: FreeDCE's from the native build, and
# rpcrt4's.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/demo.sh"

native_demo=$NATIVE_BUILD/demo
windows_demo=$top_builddir/demo
rounds=5

# try_all SERVER-KIND CLIENT-KIND
try_all() {
  local name="$2 client, $1 server" protocol=ncacn_ip_tcp endpoint
  check "$name: the server listens" start_server "$1" $protocol
  check "$name: every answer is right" call "$2" $rounds
  check "$name: clients killed in a call leave no shelf" kill_clients "$2"
  check "$name: many clients at once are served" many_clients "$2"
  check "$name: the next client is served" call "$2" 1
  check "$name: the server stops" stop_server
}

if [ -z "$NATIVE_BUILD" ]; then
  skip 'mixed pairs' 'needs a native build with FreeDCE, see ./configure --with-native-build'
  finish
  exit
fi
try_all rpcrt4 midl
try_all rpcrt4 osf
try_all midl rpcrt4
try_all osf rpcrt4
finish
