# What the tests of the tools share; to be sourced. A tool's report is brought onto one line, without
# what differs from run to run, and held to a pattern: that words and names come in this order.
. "$top_srcdir/tests/tap.sh"

on_one_line() {
  sed -E 's/^==[0-9]+== ?//; s/(at|by|in) 0x[0-9a-fA-F]+:? /\1 /; s/^ *#[0-9]+ 0x[0-9a-f]+ //' \
    | tr -s '\n ' '  '
}

# STATUS PATTERN WHAT [TOOL...]: the program ends so, and what is said is as the pattern
says() {
  local status=$1 pattern=$2 what=$3 said ended=0
  shift 3
  said=$("$top_builddir/libtool" --mode=execute "$@" ./watch/wrong "$what" 2>&1) || ended=$?
  printf '%s\n' "$said"
  [ "$ended" -eq "$status" ] && on_one_line <<<"$said" | grep -Eqx "$pattern"
}

# Ends the test when there is a reason.
needs() {
  if [ -z "$1" ]; then return; fi
  skip 'what it says' "$1"
  finish
  exit
}
