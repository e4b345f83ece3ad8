# TAP for shell scripts; to be sourced.

tests=0

# check NAME COMMAND...: a test that passes when the command succeeds; its output goes to the log.
check() {
  local name=$1 verdict='not ok'
  shift
  if "$@" >&2; then verdict=ok; fi
  echo "$verdict $((++tests)) - $name"
}

# skip NAME REASON
skip() {
  echo "ok $((++tests)) - $1 # SKIP $2"
}

# eventually COMMAND...: waits until it succeeds. What takes a moment takes many on a busy machine; the
# limit is for what never comes.
eventually() {
  local deadline=$((SECONDS + 120))
  until "$@" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}

# The last line of every script: how many tests there were.
finish() {
  echo "1..$tests"
}
