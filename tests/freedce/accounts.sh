#!/bin/bash
# What a server over FreeDCE tells of its operations: at a signal, at its end, and to stuballoc-top.
. "$top_srcdir/tests/freedce/common.sh"

# An operation's line: its interface, its number, its calls
accounts='catalog  *[0-9][0-9]*  *[1-9][0-9]* .*'

accounts_at_signal() {
  kill -USR1 "$server" && says "$stage/server" "$accounts"
}

# The operation that is asked for more than the budget; its other calls do well. A stub tells nobody of
# the fault that it sends.
refused_calls_are_faults() {
  kill -USR1 "$server" && says "$stage/server" 'catalog  *6  *[0-9][0-9]*  *\([1-9][0-9]*\)  *\1 .*'
}

accounts_on_top() {
  "$PYTHON3" "$top_srcdir/tools/stuballoc-top" --once "$server" | grep '  catalog '
}

# Of the operation that is being called, and of no other; and it comes first, which by memory it would not
top_tells_the_rate() {
  "$PYTHON3" "$top_srcdir/tools/stuballoc-top" --once --json "$server" | "$PYTHON3" -c '
import json, sys
called = [row["operation"] for row in json.load(sys.stdin)["operations"] if row["calls_per_second"] > 0]
assert called == [0], called
' && "$PYTHON3" "$top_srcdir/tools/stuballoc-top" --once --by rate "$server" \
    | grep -A 2 '^operations by rate' | tail -1 | grep -q '^ *catalog  *0 '
}

rates_on_top() {
  local told=true
  start_client midl /dev/null 100000000 title
  eventually top_tells_the_rate || told=false
  kill_client
  $told
}

accounts_at_exit() {
  local before after
  before=$(grep -c '^operations$' "$stage/server")
  stop_server && after=$(grep -c '^operations$' "$stage/server") && [ "$after" -gt "$before" ]
}

try_accounts() {
  local protocol=ncacn_ip_tcp endpoint options=report=leaks,report=exit,signal=USR1,publish=on
  check 'accounts: the server listens' start_server midl $protocol
  check 'accounts: calls are made' call midl 5
  check 'accounts: they are printed at a signal' accounts_at_signal
  check 'accounts: calls over the budget are counted as faults' refused_calls_are_faults
  if [ -n "$PYTHON3" ]; then
    check 'accounts: stuballoc-top shows them' eventually accounts_on_top
    check 'accounts: and how many calls a second there are' rates_on_top
  else
    skip 'accounts: stuballoc-top shows them' 'needs python3'
  fi
  check 'accounts: the server goes on' call midl 1
  check 'accounts: they are printed at exit' accounts_at_exit
}

try_accounts
finish
