#!/bin/bash
# The catalog's server and client, each in a process of its own, over FreeDCE.
. "$top_srcdir/tests/freedce/common.sh"

# Under a sanitizer, what is done often is done so many times less.
slower=1
if [ -n "$SANITIZER_FLAGS" ]; then slower=10; fi

# Often, as not every client is killed while the server has something to send to it.
kill_clients() {
  local i
  for ((i = 0; i < 30 / slower; i++)); do
    kill_client_in_mid_call "$1" 0.00$((i % 10)) || return 1
  done
}

# No socket of the server's listens on another address than 127.0.0.1, in the kernel's notation.
listens_on_loopback() {
  local inodes
  inodes=$(find "/proc/$server/fd" -lname 'socket:*' -printf '%l\n' | tr -cd '0-9\n')
  awk -v inodes="$inodes" '
    BEGIN { for (n = split(inodes, inode); n > 0; n--) ours[inode[n]] }
    FNR > 1 && $4 == "0A" && $10 in ours { print; on[$2 ~ /^0100007F:/]++ }
    END { exit !(on[1] > 0 && !on[0]) }' /proc/net/tcp /proc/net/tcp6
}

# What the server's threads keep for their next calls settles within 1 MiB; a block of 32 bytes that
# each call lost would be more.
memory_stays() {
  call "$1" 1000 && settles 1024 memory call "$1" 3000
}

# within_one_scope MODE: the server may gain less than two bytes a call: 192 KiB in all, for pages that a thread
# of it has not touched before. In the hardened mode each thread also holds blocks back: ten bytes a call.
within_one_scope() {
  local calls=$((100000 / slower)) most=192 mode=$1 protocol=ncalrpc endpoint
  local name="$1 stubs, $calls calls"
  if [ "$HARDENED" = yes ]; then most=1024; fi
  check "$name: the server listens" start_server "$1" ncalrpc "$stage/socket"
  check "$name: the client's scope and the server's memory stay" calls_on_and_on "$1" $calls $most
  check "$name: the server stops" stop_server
}

# --- a scan that is lent, by section ------------------------------------------------------------

# lend_to MODE: a client that has a section lent, which has a name
lend_to() {
  start_borrowing "$1" && section=/dev/shm/stuballoc-$(id -u).$(head -1 "$stage/client") \
    && [ -e "$section" ]
}

section_goes() {
  eventually [ ! -e "$section" ]
}

# At the latest: anybody else who creates or opens a section, such as another test, does it, too.
next_loan_removes_the_name() {
  call "$1" 1 lend && [ ! -e "$section" ]
}

borrower_is_killed() {
  lend_to "$1" && kill_borrower && section_goes \
    && lend_to "$1" && step opened && kill_borrower && section_goes \
    && lend_to "$1" && step opened returned && [ -e "$section" ] && kill_borrower \
    && next_loan_removes_the_name "$1"
}

borrows() {
  lend_to "$1" && step opened returned && [ -e "$section" ] && step right \
    && finish_borrowing && [ ! -e "$section" ]
}

lender_is_killed_before() {
  lend_to "$1" && kill_lender && step gone && [ ! -e "$section" ] \
    && kill_borrower
}

lender_is_killed_after() {
  lend_to "$1" && step opened && kill_lender && step returned right && finish_borrowing \
    && [ ! -e "$section" ]
}

both_are_killed() {
  lend_to "$1" && step opened && kill_lender && kill_borrower \
    && start_server "$1" ncalrpc "$stage/next" && next_loan_removes_the_name "$1"
}

# lend MODE
lend() {
  local name="$1 stubs, a scan by section" mode=$1 protocol=ncalrpc endpoint section
  check "$name: the server listens" start_server "$1" ncalrpc "$stage/first"
  check "$name: it stays for who has it, and goes with him" borrows "$1"
  check "$name: it goes with a killed client" borrower_is_killed "$1"
  check "$name: it is gone when the server is killed before the client opens it" \
    lender_is_killed_before "$1"
  check "$name: the server listens" start_server "$1" ncalrpc "$stage/second"
  check "$name: it stays for a client that has it when the server is killed" \
    lender_is_killed_after "$1"
  check "$name: the server listens" start_server "$1" ncalrpc "$stage/third"
  check "$name: it goes when both are killed" both_are_killed "$1"
  check "$name: the server stops" stop_server
}

# try_all SERVER-MODE CLIENT-MODE PROTOCOL [ENDPOINT]
try_all() {
  local name="$2 client, $1 server, $3" mode=$2 protocol=$3 endpoint
  check "$name: the server listens" start_server "$1" "${@:3}"
  if [ "$protocol" = ncacn_ip_tcp ]; then
    check "$name: it listens on the loopback alone" listens_on_loopback
  fi
  check "$name: every answer is right" call "$mode" 20
  check "$name: a graph that goes in a ring comes back as one" call "$mode" 20 ring
  check "$name: clients killed in a call leave no shelf" kill_clients "$mode"
  check "$name: many clients at once are served" many_clients "$mode" 16 20
  check "$name: the next client is served" call "$mode" 1
  if [ -z "$SANITIZER_FLAGS" ]; then
    check "$name: the server's memory stays" memory_stays "$mode"
  else
    skip "$name: the server's memory stays" 'a sanitizer keeps what is freed'
  fi
  check "$name: the server stops, with nothing left" stop_server
}

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
try_all midl midl ncacn_ip_tcp
try_all midl midl ncalrpc "$stage/socket"
try_all osf osf ncacn_ip_tcp
try_all midl osf ncacn_ip_tcp
within_one_scope midl
within_one_scope osf
lend midl
lend osf
finish
