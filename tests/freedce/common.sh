# The catalog's server and clients, for scripts; to be sourced.
. "$top_srcdir/tests/tap.sh"

stage=$(mktemp -d)
demo=$top_builddir/demo
server= client=
report_leaks=report=leaks

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
    if grep -qs "$2" "$1"; then return 0; fi
    sleep 0.1
  done
  return 1
}

# start_server MODE PROTOCOL [ENDPOINT]
start_server() {
  local mode=$1
  shift
  rm -f "$stage/server"
  STUBALLOC=$report_leaks "$demo/$mode-server" "$@" >"$stage/server" 2>&1 &
  server=$!
  says "$stage/server" '^listening on ' && endpoint=$(sed -n 's/^listening on //p' "$stage/server")
}

# It ends well, and every scope of a call with it.
stop_server() {
  local status=0
  kill -TERM "$server"
  wait "$server" || status=$?
  server=
  cat "$stage/server"
  [ $status = 0 ] && ! grep -q 'never destroyed' "$stage/server"
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

# call MODE ARGUMENT...: runs a client of the server
call() {
  local mode=$1
  shift
  timeout 300 "$demo/$mode-client" $protocol "$endpoint" "$@"
}

# many_clients MODE COUNT: all of them at once
many_clients() {
  local i clients=() good=true
  for ((i = 0; i < $2; i++)); do
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
