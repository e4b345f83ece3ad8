/*
 * Remote calls on memory that is never freed: to allocate is to move a pointer, and no allocator can
 * do less. It is the limit of what there is to win, and for this benchmark alone.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <dce/rpc.h>
#endif

#include <stuballoc/midl.h>
#include <stuballoc/pages.h>
#include <stuballoc/rpcss.h>

#include "rpc_memory.h"

enum { ALIGNMENT = 16, PIECE = 64 << 20 };

const bool memory_one_by_one = false;

/* A thread's own, so that they need not agree. */
static _Thread_local char *next, *end;

/* All of its pages at once: what that takes falls into one slice of many, which a median leaves
 * out. */
static void
fetch_pages(void)
{
  next = sa_pages_reserve(PIECE, sa_pages_size());
  if (!next || sa_pages_commit(next, PIECE) != 0)
    abort();
  memset(next, 0, PIECE);
  end = next + PIECE;
}

static inline void *
move_pointer(size_t size)
{
  size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (size > (size_t)(end - next))
    fetch_pages();
  void *block = next;
  next += size;
  return block;
}

void *
midl_user_allocate(stub_size size)
{
  return move_pointer(size);
}

void
midl_user_free(void *block)
{
  (void)block;
}

#ifdef _WIN32
static void *
allocate(size_t size)
{
  return move_pointer(size);
}

/* Windows' headers make a call of it through this pointer. */
void *(*const __imp_RpcSsAllocate)(size_t) = allocate;
#else
void *
RpcSsAllocate(size_t size)
{
  return move_pointer(size);
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
