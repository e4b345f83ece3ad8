/*
 * The catalog's memory from malloc, as one has it without stuballoc. The manager takes its own from
 * FreeDCE's rpc_ss_allocate, since FreeDCE's stubs free nothing that it takes from
 * midl_user_allocate.
 *
 * SPDX-License-Identifier: MIT
 */
#include "memory.h"

#include <stdlib.h>

#include <dce/rpc.h>
#include <dce/stubbase.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

const bool memory_is_scoped = false;

_Thread_local struct memory_counts memory_counts;

void *
midl_user_allocate(idl_size_t size)
{
  return malloc(size);
}

void
midl_user_free(void *block)
{
  free(block);
}

void *
RpcSsAllocate(size_t size)
{
  return rpc_ss_allocate((idl_size_t)size);
}
