# The catalog's servers and clients, and what every pair of them must do; to be sourced after tap.sh.
#
# Each is of a kind: midl or osf, which are native and run with FreeDCE, or rpcrt4, which is for
# Windows. Their demo/ directories are $native_demo and $windows_demo.

stage=$(mktemp -d)
server= client=

# Nothing that was started here survives.
clean_up() {
  if [ -n "$client" ]; then kill -KILL "$client"; fi
  if [ -n "$server" ]; then kill -KILL "$server"; fi
  rm -rf "$stage"
} 2>/dev/null
trap clean_up EXIT

# program KIND server|client: the command that runs it
program() {
  if [ "$1" = rpcrt4 ]; then
    echo "$WINE $windows_demo/.libs/rpcrt4-$2.exe"
  else
    echo "$native_demo/$1-$2"
  fi
}

# says FILE PATTERN: waits until a program has written a line there. What an earlier one wrote must be
# gone before this one is started.
says() {
  local i
  for ((i = 0; i < 200; i++)); do
    if tr -d '\r' 2>/dev/null <"$1" | grep -qx "$2"; then return 0; fi
    sleep 0.1
  done
  return 1
}

# start_server KIND PROTOCOL [ENDPOINT]: its input ends where our descriptor 9 is closed
start_server() {
  kind=$1
  shift
  rm -f "$stage/server" "$stage/input"
  mkfifo "$stage/input"
  $(program "$kind" server) "$@" <"$stage/input" >"$stage/server" 2>&1 &
  server=$!
  exec 9>"$stage/input"
  says "$stage/server" 'listening on .*' \
    && endpoint=$(tr -d '\r' <"$stage/server" | sed -n 's/^listening on //p')
}

# Windows knows no signal that another process could send.
stop_server() {
  local status=0
  exec 9>&-
  if [ "$kind" != rpcrt4 ]; then kill -TERM "$server"; fi
  wait "$server" || status=$?
  server=
  cat "$stage/server"
  [ $status = 0 ]
}

# call KIND ARGUMENT...: runs a client of the server
call() {
  local mode=$1
  shift
  timeout 300 $(program "$mode" client) $protocol "$endpoint" "$@" 9>&-
}

kill_client_in_mid_call() {
  rm -f "$stage/client"
  $(program "$1" client) $protocol "$endpoint" hold >"$stage/client" 2>&1 9>&- &
  client=$!
  says "$stage/client" holding && call "$1" shelves 1 || return 1
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
    call "$1" "$rounds" &
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
  call "$@" && before=$(memory) && call "$@" && call "$@" && call "$@" && after=$(memory) || return 1
  echo "$before KiB after a run, $after KiB after three more"
  [ "$after" -le $((before + 1024)) ]
}
