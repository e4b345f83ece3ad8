# SPDX-License-Identifier: MIT
#
# Sourced by the scripts beside it. Each runs a program that knows nothing of stuballoc twice, with
# and without libstuballoc-preload.so, and holds the two runs against each other. Output is TAP.
#
# SA_PRELOAD names the library, by its absolute path.

: "${SA_PRELOAD:?must be the absolute path of libstuballoc-preload.so}"

here=$(cd "$(dirname "$0")" && pwd)
top_srcdir=$(cd "$here/../.." && pwd)
top_builddir=${top_builddir:-..}
top_builddir=$(cd "$top_builddir" && pwd)

# Messages, sorting and hashes must not differ between runs for reasons of their own.
export LC_ALL=C PYTHONHASHSEED=0 PERL_HASH_SEED=0

# Each run has a folder to itself, its current one.
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch" && mkdir with without || exit

count=0
failures=0

# report STATUS NAME: one line of TAP; the status is passed on
report() {
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $count - $2"
  else
    failures=$((failures + 1))
    echo "not ok $count - $2"
  fi
  return "$1"
}

# explain: quotes what it reads as TAP comments
explain() {
  head -n 20 | sed 's/^/# /'
}

# needs PROGRAM...: skips the whole script where one is not installed
needs() {
  for program; do
    command -v "$program" >/dev/null || {
      echo "1..0 # SKIP $program is not installed"
      exit 0
    }
  done
}

# on_ours COMMAND...: with the library; a deadlock shall not stop the tests
on_ours() {
  timeout 300 env LD_PRELOAD="$SA_PRELOAD" "$@"
}

# takes_effect COMMAND...: every process of it has its malloc from the library, the dynamic linker
# says. A run that quietly stayed with the C library's would prove nothing.
takes_effect() {
  rm -rf bindings
  mkdir bindings
  (cd with && on_ours env LD_DEBUG=bindings LD_DEBUG_OUTPUT="$scratch/bindings/process" \
    "$@") >/dev/null 2>&1
  strangers=$(cd bindings && grep -FL "to $SA_PRELOAD [0]: normal symbol \`malloc'" -- *)
  [ -z "$strangers" ] && [ -n "$(ls bindings)" ]
  report $? "${1##*/} has its malloc from the library" || {
    ls bindings | sed "s/$/ ran/"
    for stranger in $strangers; do
      echo "$stranger has its malloc from elsewhere"
    done
  } | explain
  rm -rf with && mkdir with
}

# same NAME COMMAND...: the command succeeds, and says the same, with the library and without
same() {
  name=$1
  shift
  (cd without && "$@") >without.out 2>&1
  plain=$?
  (cd with && on_ours "$@") >with.out 2>&1
  ours=$?
  [ $plain -eq 0 ] && [ $ours -eq 0 ] && cmp -s without.out with.out
  report $? "$name" || {
    echo "exit status $ours, without the library $plain"
    diff without.out with.out
  } | explain
}

# same_files NAME: so are the files that the commands have left
same_files() {
  diff -r without with >files.diff
  report $? "$1" || explain <files.diff
}

finish() {
  echo "1..$count"
  exit $((failures > 0))
}
