/* Blocks for stubs, and those of the package. */
#include "stub/stub.h"

/* --- for stubs -------------------------------------------------------------------------------- */

/* A large one, or any while each is to be seen. */
static SA_ATTRIBUTE(noinline) void *stub_allocate_slowly(size_t size)
{
  struct sa_arena *arena = sa_thread.here;
  return arena->scope ? sa_arena_block(arena, size) : sa_malloc(size);
}

static SA_ATTRIBUTE(noinline) void *stub_allocate_again(size_t size)
{
  struct sa_arena *arena = sa_thread.here;
  return arena->scope ? sa_arena_alloc(arena, sa_code_for(size)) : sa_malloc(size);
}

/* A thread in no scope has an arena in which there is nothing to cut. */
void *
sa_stub_allocate(size_t size)
{
  struct sa_arena *arena = sa_thread.here;
  if (SA_UNLIKELY(!sa_is_quick(size)))
    return stub_allocate_slowly(size);
  void *block;
  return SA_LIKELY(sa_arena_cut(arena, sa_code_for(size), &block)) ? block
                                                                   : stub_allocate_again(size);
}

/* --- the package ------------------------------------------------------------------------------ */

static void *
allocate(size_t size, RPC_STATUS *status)
{
  sa_scope *scope = sa_scope_current();
  void     *block = scope ? sa_scope_alloc(scope, size) : NULL;
  *status = block ? RPC_S_OK : scope ? RPC_S_OUT_OF_MEMORY : RPC_S_INVALID_ARG;
  return block;
}

void *RPC_ENTRY
RpcSmAllocate(size_t Size, RPC_STATUS *pStatus)
{
  RPC_STATUS status;
  return allocate(Size, pStatus ? pStatus : &status);
}

void *RPC_ENTRY
RpcSsAllocate(size_t Size)
{
  RPC_STATUS status;
  void      *block = allocate(Size, &status);
  sa_raise(status, "RpcSsAllocate",
           status == RPC_S_INVALID_ARG ? "this thread is in no scope; RpcSsEnableAllocate makes one"
                                       : "no memory");
  return block;
}

RPC_STATUS RPC_ENTRY
RpcSmFree(void *NodeToFree)
{
  sa_free(NodeToFree);
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsFree(void *NodeToFree)
{
  sa_free(NodeToFree);
}
