/*
 * The catalog's memory from malloc, as one has it without stuballoc.
 *
 * SPDX-License-Identifier: MIT
 */
#include "memory.h"

#include <malloc.h>
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

/* How large it is for malloc. */
static size_t
usable_size(void *block)
{
#ifdef _WIN32
  return _msize(block);
#else
  return malloc_usable_size(block);
#endif
}

static void *
allocate(size_t size)
{
  void *block = malloc(size);
  if (block) {
    memory_counts.taken_blocks++;
    memory_counts.taken_bytes += usable_size(block);
  }
  return block;
}

void *
midl_user_allocate(stub_size size)
{
  return allocate(size);
}

void
midl_user_free(void *block)
{
  if (block) {
    memory_counts.freed_blocks++;
    memory_counts.freed_bytes += usable_size(block);
  }
  free(block);
}

#ifdef _WIN32

/* widl's stubs free by midl_user_free what the manager returns, and nobody frees the rest. */

/* Windows' headers make a call of it through this pointer. */
void *(*const __imp_RpcSsAllocate)(size_t) = allocate;

void
memory_give_back(void *block)
{
  midl_user_free(block);
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
