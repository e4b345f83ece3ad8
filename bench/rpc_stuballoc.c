/*
 * Remote calls on stuballoc: each runs in a scope of its own, in the server and in the client.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "rpc_memory.h"

const bool memory_one_by_one = false;

sa_if_handle
memory_interface(sa_if_handle ifspec)
{
  return sa_scoped_interface(ifspec, NULL);
}

void
memory_begin(void)
{
  if (sa_scope_enter(sa_scope_create(NULL)) != 0)
    abort();
}

void
memory_end(void)
{
  sa_scope *scope = sa_scope_current();
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}
