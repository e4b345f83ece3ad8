/* What FreeDCE's stubs call for memory, in MIDL mode: a size has 32 bits. As in midl_user.c, nothing
 * else may be defined in this file. */
#define STUBALLOC_FREEDCE
#include "stub/runtime.h"
#include "stuballoc/midl.h"

void *
midl_user_allocate(unsigned int size)
{
  return sa_stub_allocate(size);
}

void
midl_user_free(void *block)
{
  sa_free(block);
}
