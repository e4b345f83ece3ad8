# SPDX-License-Identifier: MIT
#
# For the scripts beside it, to be sourced: each runs a program that knows nothing of stuballoc with
# libstuballoc-preload.so and without, and holds the two runs against each other.
. "$top_srcdir/tests/tap.sh" || exit

: "${SA_PRELOAD:?must be the absolute path of libstuballoc-preload.so}"

# Messages, sorting and hashes must not differ between runs for reasons of their own
export LC_ALL=C PYTHONHASHSEED=0 PERL_HASH_SEED=0

# Each run has a folder to itself, its current one
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" && mkdir with without || exit

# needs PROGRAM: skips the whole script where it is not installed
needs() {
  command -v "$1" >/dev/null || {
    echo "1..0 # SKIP $1 is not installed"
    exit
  }
}

# on_ours COMMAND...: with the library; a deadlock counts as a failure
on_ours() {
  timeout 300 env LD_PRELOAD="$SA_PRELOAD" "$@"
}

# Whether every process of a command has its malloc from the library, by the dynamic linker's account
all_on_ours() {
  local strangers
  rm -rf bindings && mkdir bindings
  (cd with && on_ours env LD_DEBUG=bindings LD_DEBUG_OUTPUT="$scratch/bindings/process" "$@")
  rm -rf with && mkdir with
  strangers=$(grep -FL "to $SA_PRELOAD [0]: normal symbol \`malloc'" bindings/*)
  echo "not on it: ${strangers:-none} of $(echo bindings/*)"
  [ -z "$strangers" ] && [ -n "$(ls bindings)" ]
}

# Whether a command succeeds and says the same with the library and without
same_output() {
  local status plain_status
  (cd without && "$@") >without.out 2>&1
  plain_status=$?
  (cd with && on_ours "$@") >with.out 2>&1
  status=$?
  echo "exit status $status, without the library $plain_status"
  diff without.out with.out && [ $status$plain_status = 00 ]
}

# takes_effect COMMAND...: a run that quietly stayed with the C library's malloc would prove nothing
takes_effect() {
  check "${1##*/} has its malloc from the library" all_on_ours "$@"
}

# same NAME COMMAND...
same() {
  check "$1" same_output "${@:2}"
}

# same_files NAME: what the commands have left behind is the same, too
same_files() {
  check "$1" diff -r without with
}
