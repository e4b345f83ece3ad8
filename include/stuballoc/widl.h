/*
 * For stubs that widl generates: to be included before them, by `-include stuballoc/widl.h`. They are
 * compiled by clang, which has __try.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_WIDL_H
#define STUBALLOC_WIDL_H

/* Else they would include a header of Wine's sources. */
#define USE_COMPILER_EXCEPTIONS

#include <rpc.h>
#include <rpcndr.h>

/*
 * What stub data is wrong about is raised by the runtime as what the client is to get. A server's stub
 * takes such an exception and raises it again; then Wine (8.0) runs the stub's __finally twice, and it
 * frees what it has unmarshalled twice. So it takes only what has to be made into another exception.
 */
#undef RPC_BAD_STUB_DATA_EXCEPTION_FILTER
#define RPC_BAD_STUB_DATA_EXCEPTION_FILTER                                                         \
  (RpcExceptionCode() == STATUS_ACCESS_VIOLATION                                                   \
   || RpcExceptionCode() == STATUS_DATATYPE_MISALIGNMENT)

#endif
