#!/bin/bash
# A scan that is lent, by section, over FreeDCE: it goes when nobody has it any more, whoever is killed.
. "$top_srcdir/tests/freedce/common.sh"

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

lend midl
lend osf
finish
