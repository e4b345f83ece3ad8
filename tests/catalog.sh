# The catalog's servers and clients, for scripts; to be sourced.
#
# Each is of a kind: midl or osf, which run with FreeDCE, or rpcrt4, which is for Windows. Clients that
# run with FreeDCE and call rpcrt4 are midl-for-wine and osf-for-wine.
. "$top_srcdir/tests/tap.sh"

stage=$(mktemp -d)
demo=$top_builddir/demo
native_demo=$demo
server= client=
# Where a client runs that may be killed: for Wine, a prefix has a server of its own
client_prefix=
options=report=leaks
# How long a client may take at first, and how often it is run when it takes longer
limit=300
tries=1

# Nothing that was started here survives.
clean_up() {
  if [ -n "$client" ]; then kill_client; fi
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

has_line() {
  tr -d '\r' <"$1" | grep -qx "$2"
}

# says FILE PATTERN: waits until a program has written a line there. What an earlier one wrote must be
# gone before this one is started.
says() {
  eventually has_line "$@"
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
  if ! says "$stage/server" 'listening on .*'; then
    server_lives && cat "$stage/server"
    return 1
  fi
  endpoint=$(tr -d '\r' <"$stage/server" | sed -n 's/^listening on //p')
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
    timeout $((limit + limit * i)) $(program "$mode" client) $protocol "$endpoint" "$@" 9>&- || status=$?
    if [ $status != 124 ]; then break; fi
    echo "the client had not finished after $((limit + limit * i)) s"
  done
  return $status
}

# start_client KIND INPUT ARGUMENT...: one that may be killed later, and writes to a file
start_client() {
  local mode=$1 input=$2
  shift 2
  rm -f "$stage/client"
  WINEPREFIX=${client_prefix:-$WINEPREFIX} $(program "$mode" client) $protocol "$endpoint" "$@" \
    <"$input" >"$stage/client" 2>&1 9>&- &
  client=$!
}

# A prefix for clients alone, with everything of ours in it. Wine's server holds the sockets of its
# programs, and keeps some of one that is killed while it receives (doc/runtimes.md): this one is killed
# with the client.
set_clients_apart() {
  client_prefix=$WINEPREFIX/clients
  if [ -d "$client_prefix" ]; then return; fi
  mkdir "$client_prefix" && ln -s ../drive_c "$client_prefix" \
    && cp -a "$WINEPREFIX"/{*.reg,.update-timestamp,dosdevices} "$client_prefix"
}

# Whoever runs in the clients' prefix is killed, and may just have started another.
clients_are_gone() {
  local processes
  processes=$(grep -lszx "WINEPREFIX=$client_prefix" /proc/[0-9]*/environ | cut -d/ -f3)
  [ -z "$processes" ] || { kill -KILL $processes; false; }
}

kill_client() {
  kill -KILL "$client"
  wait "$client" 2>/dev/null
  client=
  if [ -n "$client_prefix" ]; then eventually clients_are_gone; fi
}

# kill_client_in_mid_call KIND SECONDS: after so many of calls
kill_client_in_mid_call() {
  start_client "$1" /dev/null hold
  says "$stage/client" holding && call "$1" shelves 1 || { server_lives; return 1; }
  sleep "$2"
  kill_client
  call "$1" shelves 0 || { server_lives; return 1; }
}

# start_borrowing KIND: a client that has a section lent, and takes a step at each line that it gets
# from our descriptor 8
start_borrowing() {
  rm -f "$stage/steps"
  mkfifo "$stage/steps"
  start_client "$1" "$stage/steps" borrow
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
  kill_client
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
  for i in "${clients[@]}"; do
    wait "$i" || { echo "a client ended with status $?" && good=false; }
  done
  $good
}

# KiB of the server that no file stands behind
memory() {
  awk '/^RssAnon:/ { print $2 }' "/proc/$server/status"
}

# settles KIB MEMORY COMMAND...: the command finds the memory as it left it, but for so much, in one of three
# times. What a thread or two calls at once needed for the first time is kept; what leaks, leaks each time.
settles() {
  local before after
  before=$("$2")
  for _ in 1 2 3; do
    "${@:3}" && after=$("$2") || return 1
    echo "$before KiB before, $after KiB after: ${*:3}"
    [ -z "$SANITIZER_FLAGS" ] && [ "$after" -gt $((before + $1)) ] || return 0
    before=$after
  done
  return 1
}

# calls_on_and_on KIND COUNT KIB: calls within one scope of a client, which checks that it stays small. The
# server settles within so much after the first thousand.
calls_on_and_on() {
  call "$1" long 1000 && settles "$3" memory call "$1" long "$2"
}
