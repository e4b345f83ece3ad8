# What was installed, and a scratch directory, where the script then is; to be sourced.
. "$top_srcdir/tests/tap.sh"

if [ -n "$SANITIZER_FLAGS" ]; then
  skip 'the installed library' 'a sanitizer build is not for installing'
  finish
  exit
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cd "$stage" || exit 1

# By make install with DESTDIR, before there were tests to be disturbed
root=$top_builddir/tests/installed
pc=$(find "$root" -name stuballoc.pc)
libdir=$(dirname "$(dirname "$pc")")

says_hello() {
  [ "$("$@")" = 'hello from a block of 64 bytes' ]
}

exists() {
  [ -e "$1" ]
}

# It takes FreeDCE's exceptions.
freedce_program() {
  cat >freedce.c <<'END'
#include <dce/rpc.h>
#include <dce/rpcexc.h>
#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

int main(void)
{
  void *(*allocate)(idl_size_t) = midl_user_allocate;
  volatile int caught = 0;
  midl_user_free(allocate(1));
  DCETHREAD_TRY { RpcSsAllocate(1); }
  DCETHREAD_CATCH(rpc_x_invalid_arg) { caught = 1; }
  DCETHREAD_ENDTRY
  return !caught;
}
END
}
