#!/bin/bash
# The catalog's server and client, each in a process of its own, over FreeDCE.
. "$top_srcdir/tests/tap.sh"

stage=$(mktemp -d)
demo=$top_builddir/demo
server= client=

# FreeDCE's mutexes read their owner unlocked, which is not ours to report.
echo 'race:libdcerpc' >"$stage/tsan"
export TSAN_OPTIONS="$TSAN_OPTIONS suppressions=$stage/tsan"

# Nothing that was started here survives.
clean_up() {
  if [ -n "$client" ]; then kill -KILL "$client"; fi
  if [ -n "$server" ]; then kill -KILL "$server"; fi
  rm -rf "$stage"
} 2>/dev/null
trap clean_up EXIT

# says FILE TEXT: waits until a program has written it there. What an earlier one wrote must be gone
# before this one is started.
says() {
  local i
  for ((i = 0; i < 200; i++)); do
    if grep -Eqs "$2" "$1"; then return 0; fi
    sleep 0.1
  done
  return 1
}

# start_server MODE PROTOCOL [ENDPOINT]
start_server() {
  local mode=$1
  shift
  rm -f "$stage/server"
  "$demo/$mode-server" "$@" >"$stage/server" 2>&1 &
  server=$!
  says "$stage/server" '^listening on ' && endpoint=$(sed -n 's/^listening on //p' "$stage/server")
}

stop_server() {
  local status=0
  kill -TERM "$server"
  wait "$server" || status=$?
  server=
  cat "$stage/server"
  [ $status = 0 ] && grep -q '^blocks left: 0$' "$stage/server"
}

# call MODE ARGUMENT...: runs a client of the server
call() {
  local mode=$1
  shift
  timeout 300 "$demo/$mode-client" $protocol "$endpoint" "$@"
}

kill_client_in_mid_call() {
  rm -f "$stage/client"
  "$demo/$1-client" $protocol "$endpoint" hold >"$stage/client" 2>&1 &
  client=$!
  says "$stage/client" '^holding$' && call "$1" shelves 1 || return 1
  sleep "$2"
  kill -KILL "$client"
  wait "$client" 2>/dev/null
  client=
  call "$1" shelves 0
}

kill_clients() {
  local seconds
  for seconds in 0 0.01 0.05 0.2; do
    kill_client_in_mid_call "$1" $seconds || return 1
  done
}

# 16 at once
many_clients() {
  local i clients=() good=true
  for ((i = 0; i < 16; i++)); do
    call "$1" 20 &
    clients+=($!)
  done
  for i in "${clients[@]}"; do wait "$i" || good=false; done
  $good
}

# KiB of the server that no file stands behind
memory() {
  awk '/^RssAnon:/ { print $2 }' "/proc/$server/status"
}

# What the server's threads keep for their next calls settles within 1 MiB; a block of 32 bytes that
# each call lost would be more.
memory_stays() {
  local before after
  call "$1" 1000 && before=$(memory) && call "$1" 3000 && after=$(memory) || return 1
  echo "$before KiB after 1000 rounds, $after KiB after 3000 more"
  [ "$after" -le $((before + 1024)) ]
}

# try_all SERVER-MODE CLIENT-MODE PROTOCOL [ENDPOINT]
try_all() {
  local name="$2 client, $1 server, $3" mode=$2 protocol=$3 endpoint
  check "$name: the server listens" start_server "$1" "${@:3}"
  check "$name: every answer is right" call "$mode" 20
  check "$name: clients killed in a call leave no shelf" kill_clients "$mode"
  check "$name: many clients at once are served" many_clients "$mode"
  check "$name: the next client is served" call "$mode" 1
  if [ -z "$SANITIZER_FLAGS" ]; then
    check "$name: the server's memory stays" memory_stays "$mode"
  else
    skip "$name: the server's memory stays" 'a sanitizer keeps what is freed'
  fi
  check "$name: the server stops, with nothing left" stop_server
}

# An operation's line: its interface, its number, its calls
accounts='^catalog  *[0-9]+  *[1-9][0-9]* '

accounts_at_signal() {
  kill -USR1 "$server" && says "$stage/server" "$accounts"
}

# What is published is a second old at most
accounts_on_top() {
  local i
  for ((i = 0; i < 50; i++)); do
    if "$PYTHON3" "$top_srcdir/tools/stuballoc-top" --once "$server" | grep '  catalog '; then return 0; fi
    sleep 0.1
  done
  return 1
}

accounts_at_exit() {
  local before after
  before=$(grep -c '^operations$' "$stage/server")
  stop_server && after=$(grep -c '^operations$' "$stage/server") && [ "$after" -gt "$before" ]
}

try_accounts() {
  local protocol=ncacn_ip_tcp endpoint
  export STUBALLOC=report=exit,signal=USR1,publish=on
  check 'accounts: the server listens' start_server midl $protocol
  unset STUBALLOC
  check 'accounts: calls are made' call midl 5
  check 'accounts: they are printed at a signal' accounts_at_signal
  if [ -n "$PYTHON3" ]; then
    check 'accounts: stuballoc-top shows them' accounts_on_top
  else
    skip 'accounts: stuballoc-top shows them' 'needs python3'
  fi
  check 'accounts: the server goes on' call midl 1
  check 'accounts: they are printed at exit' accounts_at_exit
}

try_accounts
try_all midl midl ncacn_ip_tcp
try_all midl midl ncalrpc "$stage/socket"
try_all osf osf ncacn_ip_tcp
try_all midl osf ncacn_ip_tcp
finish
