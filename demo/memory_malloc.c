/*
 * The catalog's memory from malloc, as one has it without stuballoc.
 *
 * SPDX-License-Identifier: MIT
 */
#include "memory.h"

#include <stdlib.h>

#ifndef _WIN32
#include <dce/rpc.h>
#include <dce/stubbase.h>
#endif

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

const bool memory_is_scoped = false;

_Thread_local struct memory_counts memory_counts;

#ifdef _WIN32
typedef size_t stub_size;
#else
typedef idl_size_t stub_size;
#endif

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

/* widl's stubs free by midl_user_free what the manager returns, and nobody frees the rest. */

static void *
allocate(size_t size)
{
  return malloc(size);
}

/* Windows' headers make a call of it through this pointer. */
void *(*const __imp_RpcSsAllocate)(size_t) = allocate;

void
memory_give_back(void *block)
{
  free(block);
}

#else

/* FreeDCE's stubs free nothing that their manager takes from midl_user_allocate, but all that it
 * takes from rpc_ss_allocate. */

void *
RpcSsAllocate(size_t size)
{
  return rpc_ss_allocate((idl_size_t)size);
}

void
memory_give_back(void *block)
{
  (void)block;
}

#endif
