#!/bin/bash
# The package's headers go together with those of the RPC runtimes, in every order and language.
. "$top_srcdir/tests/tap.sh"

ours='stuballoc/rpcss.h stuballoc/midl.h stuballoc/rpc.h stuballoc.h'
strict='-Wall -Wextra -Wshadow'

# What a program needs of the headers, whichever runtime they are from
uses='
static RPC_CLIENT_ALLOC *allocate = midl_user_allocate;
static RPC_CLIENT_FREE *release = midl_user_free;
RPC_STATUS use(void);
RPC_STATUS use(void)
{
  RPC_STATUS status = RPC_S_OK;
  RPC_SS_THREAD_HANDLE handle = RpcSmGetThreadHandle(&status);
  void *context = RpcSmAllocate(sizeof handle, &status);
  RpcSsSetClientAllocFree(allocate, release);
  RpcSsSetThreadHandle(handle);
  sa_set_raise_handler(NULL);
  if (status == RPC_S_OUT_OF_MEMORY || status == RPC_S_INVALID_ARG)
    status = RpcSmFree(context);
  return status == RPC_X_SS_CONTEXT_MISMATCH || status == RPC_X_NULL_REF_POINTER ? status : 0;
}'
# The values that Windows gives them
values='
typedef int values[RPC_S_OK == 0 && RPC_S_OUT_OF_MEMORY == 14 && RPC_S_INVALID_ARG == 87
  && RPC_X_NULL_REF_POINTER == 1780 && RPC_X_SS_CONTEXT_MISMATCH == 6 ? 1 : -1];'
# FreeDCE gives stubs a size of 32 bits
dce_uses='
static void *(*allocate)(idl_size_t) = midl_user_allocate;
static void (*release)(idl_void_p_t) = midl_user_free;
RPC_STATUS use(void);
RPC_STATUS use(void)
{
  RPC_STATUS status = RPC_S_OK;
  void *block = RpcSmAllocate(sizeof(handle_t), &status);
  RpcSsFree(block);
  release(allocate(1));
  return status == RPC_S_OUT_OF_MEMORY ? status : RPC_S_OK;
}'

# compiles COMPILER LANGUAGE CODE FLAGS HEADER...: the headers in this order, then the code
compiles() {
  local compiler=$1 language=$2 code=$3 flags=$4 header
  shift 4
  { for header in "$@"; do echo "#include <$header>"; done; echo "$code"; } |
    $compiler -x "$language" -Werror $flags -I"$top_srcdir/include" -fsyntax-only -
}

# both_orders NAME COMPILER LANGUAGE CODE FLAGS RUNTIME'S-HEADERS: theirs first, and ours first
both_orders() {
  local name=$1 compiler=$2 language=$3 code=$4 flags=$5 theirs=$6
  check "$name, theirs first, $compiler" compiles "$compiler" "$language" "$code" "$flags" \
    $theirs $ours
  check "$name, ours first, $compiler" compiles "$compiler" "$language" "$code" "$flags" \
    $ours $theirs
}

# compilers NAME...: those that are there
compilers() {
  local compiler
  for compiler in "$@"; do
    if command -v "$compiler" >/dev/null; then echo "$compiler"; fi
  done
}

for compiler in $(compilers "${CC%% *}" clang | sort -u); do
  for header in $ours; do
    check "$header alone, $compiler" compiles "$compiler" c '' "$strict -std=c11 -pedantic" "$header"
  done
  check "all in C, $compiler" compiles "$compiler" c "$uses$values" "$strict -std=c11 -pedantic" $ours
done
for compiler in $(compilers "${CXX%% *}" clang++ | sort -u); do
  check "all in C++11, $compiler" compiles "$compiler" c++ "$uses$values" "$strict -std=c++11" $ours
  check "concurrency.hpp in C++17, $compiler" compiles "$compiler" c++ "$uses" "$strict -std=c++17" $ours \
    stuballoc/concurrency.hpp
  check "concurrency.hpp without RTTI, $compiler" compiles "$compiler" c++ "$uses" \
    "$strict -std=c++17 -fno-rtti" stuballoc/concurrency.hpp $ours
done

# FreeDCE's headers are not up to strict warnings. midl.h has to know that it is FreeDCE whose stubs
# are meant.
dce=
for prefix in /usr /usr/local /opt/dce; do
  if [ -e "$prefix/include/dce/rpc.h" ]; then
    dce="-I$prefix/include -D_GNU_SOURCE -D_REENTRANT -DSTUBALLOC_FREEDCE"
    break
  fi
done
if [ -n "$dce" ]; then
  for compiler in $(compilers "${CC%% *}" clang | sort -u); do
    both_orders 'dce/rpc.h in C' "$compiler" c "$dce_uses$values" "$dce" dce/rpc.h
    both_orders 'the headers of a stub' "$compiler" c "$dce_uses$values" "$dce" \
      'dce/rpc.h dce/stubbase.h'
    both_orders 'compat/mswrappers.h in C' "$compiler" c "$dce_uses$values" "$dce" \
      'compat/mswrappers.h compat/winerror.h'
  done
  for compiler in $(compilers "${CXX%% *}" clang++ | sort -u); do
    both_orders 'dce/rpc.h in C++' "$compiler" c++ "$dce_uses$values" "$dce" dce/rpc.h
  done
  check 'midl.h finds FreeDCE by its header' compiles "${CC%% *}" c "$dce_uses" \
    "${dce/-DSTUBALLOC_FREEDCE/}" dce/rpc.h $ours
else
  skip "FreeDCE's headers" 'not found in /usr, /usr/local or /opt/dce'
fi

# MinGW's headers in C, and in C++ also by clang, which finds them where MinGW's gcc is installed.
mingw=x86_64-w64-mingw32
windows() {
  local compiler=$1 language=$2
  both_orders 'rpc.h' "$compiler" $language "$uses$values" "$strict" 'windows.h rpc.h'
  both_orders 'rpcndr.h' "$compiler" $language "$uses$values" "$strict" 'rpc.h rpcndr.h'
  check "all for Windows, $compiler" compiles "$compiler" $language "$uses$values" "$strict" $ours
}
if [ -n "$(compilers $mingw-gcc)" ]; then
  windows $mingw-gcc c
else
  skip "Windows' headers in C" "needs $mingw-gcc"
fi
if [ -n "$(compilers $mingw-g++)" ]; then
  windows $mingw-g++ c++
elif [ -n "$(compilers $mingw-gcc)" ] && [ -n "$(compilers clang++)" ]; then
  windows "clang++ --target=$mingw" c++
else
  skip "Windows' headers in C++" "needs $mingw-g++, or $mingw-gcc and clang++"
fi
finish
