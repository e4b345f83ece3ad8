#!/bin/bash
# The catalog's server and client, each in a process of its own, over rpcrt4.
. "$top_srcdir/tests/catalog.sh"

# Wine takes a while to start a client, which is killed somewhere in its calls.
kill_clients() {
  local seconds
  for seconds in 0 0.01 0.05 0.2; do
    kill_client_in_mid_call rpcrt4 $seconds || return 1
  done
}

# What 200 refused calls may leave, each of which had taken up to 4 MiB
refusals_leave_nothing() {
  call rpcrt4 50 budget && settles 256 memory call rpcrt4 200 budget
}

# The client ends well if the section has gone with its view.
borrows() {
  start_borrowing rpcrt4 && step opened returned right && finish_borrowing
}

# The name of what is lent is what the client says first.
kill_borrower_after() {
  local name
  start_borrowing rpcrt4 && name=$(tr -d '\r' <"$stage/client" | head -1) && step "$@" \
    && kill_borrower && call rpcrt4 gone "$name" || { server_lives; return 1; }
}

borrower_is_killed() {
  kill_borrower_after && kill_borrower_after opened && kill_borrower_after opened returned \
    && call rpcrt4 1 lend
}

lender_is_killed_before() {
  start_borrowing rpcrt4 && kill_lender && step gone && kill_borrower
}

lender_is_killed_after() {
  start_borrowing rpcrt4 && step opened && kill_lender && step returned right && finish_borrowing
}

# lend ENDPOINT
lend() {
  local name='a scan by section' protocol=ncalrpc endpoint
  check "$name: the server listens" start_server rpcrt4 ncalrpc "$1"
  check "$name: it stays for who has it, and goes with him" borrows
  check "$name: it goes with a killed client" borrower_is_killed
  check "$name: it is gone when the server is killed before the client opens it" \
    lender_is_killed_before
  check "$name: the server listens" start_server rpcrt4 ncalrpc "$1-2"
  check "$name: it stays for a client that has it when the server is killed" lender_is_killed_after
}

# try_all PROTOCOL [ENDPOINT]: Wine's server grows by 1 MiB now and then, on plain malloc as well
# (doc/runtimes.md), 3 MiB in 100,000 calls; that no block of ours is left is found when it stops.
try_all() {
  local name=$1 protocol=$1 endpoint
  check "$name: the server listens" start_server rpcrt4 "$@"
  check "$name: every answer is right" call rpcrt4 5
  check "$name: clients killed in a call leave no shelf" kill_clients
  check "$name: many clients at once are served" many_clients rpcrt4 16 5
  check "$name: the next client is served" call rpcrt4 1
  check "$name: 100,000 calls: the client's scope stays, and the server's memory nearly" \
    calls_on_and_on rpcrt4 100000 6144
  check "$name: so it does when calls are refused" refusals_leave_nothing
  check "$name: the server stops" stop_server
}

# Over TCP the server of Wine's rpcrt4 loses an answer now and then (doc/runtimes.md says how). So this
# is for ncalrpc alone.
try_all ncalrpc "stuballoc-$$"
lend "stuballoc-$$-lend"
finish
