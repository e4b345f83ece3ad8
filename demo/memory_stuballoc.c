/*
 * The catalog's memory from stuballoc, counted at the door: the linker leads the calls of the stubs
 * and of the manager here (--wrap), and from here they go on to the library.
 *
 * SPDX-License-Identifier: MIT
 */
#include "memory.h"

#include <stuballoc/rpc.h>

#include <catalog.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

#ifdef _WIN32
typedef size_t stub_size;
#else
typedef idl_size_t stub_size;
#endif

const bool memory_is_scoped = true;

_Thread_local struct memory_counts memory_counts;

static void *
count_taken(void *block)
{
  if (block) {
    memory_counts.taken_blocks++;
    memory_counts.taken_bytes += sa_usable_size(block);
  }
  return block;
}

void *__real_midl_user_allocate(stub_size size);
void  __real_midl_user_free(void *block);
void *__real_RpcSsAllocate(size_t size);
void *__wrap_midl_user_allocate(stub_size size);
void  __wrap_midl_user_free(void *block);
void *__wrap_RpcSsAllocate(size_t size);

void *
__wrap_midl_user_allocate(stub_size size)
{
  return count_taken(__real_midl_user_allocate(size));
}

void *
__wrap_RpcSsAllocate(size_t size)
{
  return count_taken(__real_RpcSsAllocate(size));
}

void
__wrap_midl_user_free(void *block)
{
  if (block) {
    memory_counts.freed_blocks++;
    memory_counts.freed_bytes += sa_usable_size(block);
  }
  __real_midl_user_free(block);
}
