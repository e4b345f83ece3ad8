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

malform_more() {
  attack malformed $((++seed)) "$1"
}

# settles_after KIB MEMORY COUNT: the second half of so many malformed messages finds the memory as the first
# one left it, but for what may be held ready
settles_after() {
  local seed=0
  malform_more $(($3 / 2)) && settles "$1" "$2" malform_more $(($3 / 2))
}
