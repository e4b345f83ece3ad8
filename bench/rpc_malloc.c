/*
 * Remote calls on malloc and free, as one does without stuballoc. FreeDCE's stubs free nothing that
 * the manager takes from midl_user_allocate, so it takes its memory from rpc_ss_allocate, which
 * FreeDCE frees after the call; that asks midl_user_allocate, too, twice for a block. widl's free all
 * that they return. The client frees what it got one by one.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#ifndef _WIN32
#include <dce/rpc.h>
#include <dce/stubbase.h>
#endif

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

#include "rpc_memory.h"

const bool memory_one_by_one = true;

void *
midl_user_allocate(stub_size size)
{
  return malloc(size);
}

void
midl_user_free(void *block)
{
  free(block);
}

#ifdef _WIN32
/* Windows' headers make a call of it through this pointer. */
void *(*const __imp_RpcSsAllocate)(size_t) = malloc;
#else
void *
RpcSsAllocate(size_t size)
{
  return rpc_ss_allocate((idl_size_t)size);
}
#endif

sa_if_handle
memory_interface(sa_if_handle ifspec)
{
  return ifspec;
}

void
memory_begin(void)
{
}

void
memory_end(void)
{
}
