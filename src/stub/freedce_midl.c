/* What FreeDCE's stubs call for memory, in MIDL mode: a size has 32 bits. As in midl_user.c, nothing
 * else may be defined in this file. */
#define STUBALLOC_FREEDCE
#include "stuballoc/midl.h"

void *
midl_user_allocate(unsigned int size)
{
  sa_scope *scope = sa_scope_current();
  return scope ? sa_scope_alloc(scope, size) : sa_malloc(size);
}

void
midl_user_free(void *block)
{
  sa_free(block);
}
