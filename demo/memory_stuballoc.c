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
/* Windows' headers name the functions so, and make a call of the package one through a pointer. */
#define __real_midl_user_allocate __real_MIDL_user_allocate
#define __real_midl_user_free __real_MIDL_user_free
#define __wrap_midl_user_allocate __wrap_MIDL_user_allocate
#define __wrap_midl_user_free __wrap_MIDL_user_free
#else
typedef idl_size_t stub_size;
#endif

const bool memory_is_scoped = true;

_Thread_local struct memory_counts memory_counts;

void
memory_give_back(void *block)
{
  (void)block;
}

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
#ifdef _WIN32
#define __real_RpcSsAllocate __real___imp_RpcSsAllocate
extern void *(*const __real_RpcSsAllocate)(size_t size);
#else
void              *__real_RpcSsAllocate(size_t size);
#endif
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

#ifdef _WIN32
void *(*const __wrap___imp_RpcSsAllocate)(size_t) = __wrap_RpcSsAllocate;
#endif

void
__wrap_midl_user_free(void *block)
{
  if (block) {
    memory_counts.freed_blocks++;
    memory_counts.freed_bytes += sa_usable_size(block);
  }
  __real_midl_user_free(block);
}
