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

try_all midl midl ncacn_ip_tcp
try_all midl midl ncalrpc "$stage/socket"
try_all osf osf ncacn_ip_tcp
try_all midl osf ncacn_ip_tcp
within_one_scope midl
within_one_scope osf
finish
