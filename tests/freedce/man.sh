#!/bin/bash
# The examples of the manual pages for FreeDCE: the server of the one is called by the client of the
# other.
. "$top_srcdir/tests/man/common.sh"

server=
clean_up() {
  if [ -n "$server" ]; then kill -KILL "$server"; fi
  rm -rf "$stage"
} 2>/dev/null
trap clean_up EXIT

# FreeDCE's mutexes read their owner unlocked, which is not ours to report.
echo 'race:libdcerpc' >"$stage/tsan"
export TSAN_OPTIONS="$TSAN_OPTIONS suppressions=$stage/tsan"

stubs=$top_builddir/stubs/freedce
flags="-D_GNU_SOURCE -D_REENTRANT -isystem $DCERPC_PREFIX/include"
libraries="$top_builddir/src/libstuballoc-freedce.la -L$DCERPC_PREFIX/lib -Wl,-rpath,$DCERPC_PREFIX/lib
  -ldcerpc"

# link_with_stubs NAME PAGE MODE MORE...
link_with_stubs() {
  local name=$1 page=$2 mode=$3
  shift 3
  example "$page" 1 >"$stage/$name.c"
  link_example "$CC $flags -I$stubs/$mode" "$stage/$name.c" "$stage/$name" \
    "$@" "$stubs/lib$mode-$name.la" $libraries
}

call() {
  "$stage/server" "$stage/socket" >"$stage/server.output" &
  server=$!
  eventually [ -e "$stage/socket" ] && timeout 60 "$stage/client" "$stage/socket" >"$stage/client.output"
}

# Once it has said what it says
server_is_killed() {
  eventually [ -s "$stage/server.output" ] && kill -TERM "$server" && ! wait "$server" && server=
}

# printed NAME PAGE: what the page says
printed() {
  example "$2" 2 | diff - "$stage/$1.output"
}

demo=$top_builddir/demo
check 'sa_scoped_interface.3 links' link_with_stubs server "$man/sa_scoped_interface.3" midl \
  "$demo/midl_server-manager.o" "$demo/midl_server-facts.o" "$demo/midl_server-memory_stuballoc.o" \
  -Wl,--wrap=midl_user_allocate,--wrap=midl_user_free,--wrap=RpcSsAllocate
check 'sa_attach_client.3 links' link_with_stubs client "$man/sa_attach_client.3" osf
check 'the client calls the server' call
check 'the server goes on until it is killed' server_is_killed
check 'sa_scoped_interface.3 prints what it says' printed server "$man/sa_scoped_interface.3"
check 'sa_attach_client.3 prints what it says' printed client "$man/sa_attach_client.3"
finish
