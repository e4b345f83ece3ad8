#!/bin/bash
# Every example runs to its end and shows what it is there to show.
. "$top_srcdir/tests/tap.sh"

shows() {
  local example=$1 expected=$2 output
  output=$("$top_builddir/examples/$example") && grep -q "$expected" <<<"$output"
}

check 'hello says hello' shows hello '^hello from a block of 64 bytes$'
check 'engine-tour arrives at sa_trim' shows engine-tour 'sa_trim gives .* MiB'
check 'rpcss-calls frees a call all at once' shows rpcss-calls '^after the last call: no environment$'
check 'rpcss-threads shares the memory of a call' shows rpcss-threads '^4000 rows; .* of helper 3"$'
check 'section-tree is read in another view' shows section-tree '^call$'
finish
