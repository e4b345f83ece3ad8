#!/bin/bash
# A server on one runtime and clients on the other, over TCP: FreeDCE's from the native build, and
# rpcrt4's. Each operation by itself; what cannot work is skipped by name (doc/runtimes.md tells more).
. "$top_srcdir/tests/catalog.sh"

if [ -z "$NATIVE_BUILD" ]; then
  skip 'mixed pairs' 'needs a native build with FreeDCE, see ./configure --with-native-build'
  finish
  exit
fi
native_demo=$NATIVE_BUILD/demo
protocol=ncacn_ip_tcp
rounds=5
operations='title search mirror annotate scan index read shelf'

# After which clients of either runtime, which start at their own pace, are somewhere in their calls
kill_clients() {
  local seconds
  for seconds in 0 0.01 0.05 0.2; do
    kill_client_in_mid_call "$1" $seconds || return 1
  done
}

# The server, at its end: so many calls to make an index were refused.
has_refused() {
  awk -v wanted="$1" '$1 == "index" { print; refused = $8 } END { exit refused != wanted }' "$stage/server"
}

# Wine's client returns from a refused call as if it were answered, so the server is asked; FreeDCE's
# says that it was refused, but not why.
refuses() {
  local said=$stage/said status=0
  call "$1" 1 budget >"$said" 2>&1 || status=$?
  cat "$said"
  [ $status = 1 ] && { [ "$1" = rpcrt4 ] || grep -q rpc_x_unknown_reject "$said"; }
}

stops() {
  stop_server && has_refused 1
}

# try_all SERVER-KIND CLIENT-KIND
try_all() {
  local name="$2 client, $1 server" endpoint operation
  check "$name: the server listens" start_server "$1" $protocol
  for operation in $operations; do
    check "$name: $operation is right" call "$2" $rounds "$operation"
  done
  check "$name: a call over budget fails" refuses "$2"
  check "$name: clients killed in a call leave no shelf" kill_clients "$2"
  check "$name: many clients at once are served" many_clients "$2" 16 $rounds search
  check "$name: the server stops, with nothing left, and has refused what was over budget" stops
  skip "$name: lend is right" 'a section of Windows and one of this system have no name in common'
  skip "$name: ring is right" 'Wine goes round a ring until its stack is full'
}

# Wine's server over TCP loses an answer now and then.
limit=15
tries=8
for mode in midl osf; do
  try_all rpcrt4 $mode-for-wine
  skip "$mode-for-wine client, rpcrt4 server: budget is right" \
    'FreeDCE knows no status of the kind that Wine puts into a fault'
done

limit=300
tries=1
check 'clients have a Wine of their own' set_clients_apart
for mode in midl osf; do
  try_all $mode rpcrt4
  skip "rpcrt4 client, $mode server: budget is right" \
    "Wine takes a fault of FreeDCE's, with the status in its data, for an answer"
done
finish
