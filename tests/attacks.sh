# Attacks on the catalog's server over TCP; to be sourced. Each has a server of its own, at whose end the
# library names every scope that was left.
. "$top_srcdir/tests/catalog.sh"

protocol=ncacn_ip_tcp

# On the runtime that hostile.py knows by this name; again where an answer may be lost
attack() {
  local i status
  for ((i = 0; i < tries; i++)); do
    status=0
    timeout 600 "$PYTHON3" "$top_srcdir/tests/hostile.py" "$runtime" "$endpoint" "$@" || status=$?
    if [ $status != 124 ]; then break; fi
    echo 'an answer did not come'
  done
  return $status
}

# survives NAME COMMAND...
survives() {
  check "$1: a server listens" start
  check "$1: the attack is answered as it should" "${@:2}"
  check "$1: afterwards the server serves, and holds nothing" serves_and_holds_nothing
}

# grows_by_at_most KIB MEMORY COUNT: the second half of so many malformed messages finds the memory as the
# first one left it, but for what may be held ready; or else as many again do, as what two calls at once
# needed for the first time is kept, but what leaks, leaks each time
grows_by_at_most() {
  local before after part
  attack malformed 1 $(($3 / 2)) && before=$("$2") || return 1
  for part in 2 3; do
    attack malformed $part $(($3 / 2)) && after=$("$2") || return 1
    echo "$before KiB, $after KiB after half of the messages"
    [ -z "$SANITIZER_FLAGS" ] && [ "$after" -gt $((before + $1)) ] || return 0
    before=$after
  done
  return 1
}
