/* What stubs call for memory. Nothing else may be defined in this file: an application that brings
 * its own two functions must not get any of this object. */
#include "stub/stub.h"

void *__RPC_USER
midl_user_allocate(size_t size)
{
  return sa_stub_allocate(size);
}

void __RPC_USER
midl_user_free(void *block)
{
  sa_free(block);
}
