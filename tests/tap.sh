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
# limit, two minutes, is for what never comes. It is counted in tries, as the machine may stand still.
eventually() {
  for _ in {1..1200}; do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  return 1
}

# The last line of every script: how many tests there were.
finish() {
  echo "1..$tests"
}
