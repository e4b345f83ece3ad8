# The catalog's servers and clients, for scripts; to be sourced.
#
# Each is of a kind: midl or osf, which run with FreeDCE, or rpcrt4, which is for Windows. Clients that
# run with FreeDCE and call rpcrt4 are midl-for-wine and osf-for-wine.
. "$top_srcdir/tests/tap.sh"

stage=$(mktemp -d)
demo=$top_builddir/demo
native_demo=$demo
server= client=
options=report=leaks
# How long a client may take, and how often it is run when it takes longer
limit=300
tries=1

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
    echo "$WINE $demo/.libs/rpcrt4-$2.exe"
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

# start_server KIND ARGUMENT...: its input ends where our descriptor 9 is closed
start_server() {
  kind=$1
  shift
  counted=true
  if [ "$1" = --uncounted ]; then counted=false; fi
  rm -f "$stage/server" "$stage/input"
  mkfifo "$stage/input"
  STUBALLOC=$options $(program "$kind" server) "$@" <"$stage/input" >"$stage/server" 2>&1 &
  server=$!
  exec 9>"$stage/input"
  says "$stage/server" 'listening on .*' \
    && endpoint=$(tr -d '\r' <"$stage/server" | sed -n 's/^listening on //p')
}

# It ends well, and every scope of a call with it; where it counts, no block is left, either. Windows
# knows no signal that another process could send, so there the end of the input is what stops a server.
stop_server() {
  local status=0
  exec 9>&-
  if [ "$kind" != rpcrt4 ]; then kill -TERM "$server"; fi
  wait "$server" || status=$?
  server=
  cat "$stage/server"
  [ $status = 0 ] && ! grep -q 'never destroyed' "$stage/server" \
    && { ! $counted || says "$stage/server" 'blocks left 0'; }
}

# What the log needs to say when the server is not there any more.
server_lives() {
  local status=0
  if kill -0 "$server"; then return 0; fi
  wait "$server" || status=$?
  server=
  echo "the server ended with status $status, and said:"
  cat "$stage/server"
  return 1
} 2>/dev/null

# call KIND ARGUMENT...: runs a client of the server
call() {
  local mode=$1 i status
  shift
  for ((i = 0; i < tries; i++)); do
    status=0
    timeout "$limit" $(program "$mode" client) $protocol "$endpoint" "$@" 9>&- || status=$?
    if [ $status != 124 ]; then break; fi
    echo "the client had not finished after $limit s"
  done
  return $status
}

# kill_client_in_mid_call KIND SECONDS: after so many of calls
kill_client_in_mid_call() {
  rm -f "$stage/client"
  $(program "$1" client) $protocol "$endpoint" hold >"$stage/client" 2>&1 9>&- &
  client=$!
  says "$stage/client" holding && call "$1" shelves 1 || { server_lives; return 1; }
  sleep "$2"
  kill -KILL "$client"
  wait "$client" 2>/dev/null
  client=
  call "$1" shelves 0 || { server_lives; return 1; }
}

# start_borrowing KIND: a client that has a section lent, and takes a step at each line that it gets
# from our descriptor 8
start_borrowing() {
  rm -f "$stage/client" "$stage/steps"
  mkfifo "$stage/steps"
  $(program "$1" client) $protocol "$endpoint" borrow <"$stage/steps" >"$stage/client" 2>&1 9>&- &
  client=$!
  exec 8>"$stage/steps"
  says "$stage/client" 'catalog-.*'
}

# step WORD...: the client takes one, and says each in turn
step() {
  local word
  for word; do echo >&8; says "$stage/client" "$word" || { cat "$stage/client"; return 1; }; done
}

finish_borrowing() {
  exec 8>&-
  wait "$client" && client=
}

# Before its input ends, at which it would go on.
kill_borrower() {
  kill -KILL "$client"
  wait "$client" 2>/dev/null
  client=
  exec 8>&-
}

kill_lender() {
  exec 9>&-
  kill -KILL "$server"
  wait "$server" 2>/dev/null
  server=
}

# many_clients KIND COUNT ARGUMENT...: all of them at once
many_clients() {
  local i clients=() good=true
  for ((i = 0; i < $2; i++)); do
    call "$1" "${@:3}" &
    clients+=($!)
  done
  for i in "${clients[@]}"; do wait "$i" || good=false; done
  $good
}

# KiB of the server that no file stands behind
memory() {
  awk '/^RssAnon:/ { print $2 }' "/proc/$server/status"
}
