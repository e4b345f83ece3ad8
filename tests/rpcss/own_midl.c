/* An application that brings its own midl_user_allocate and midl_user_free, as it had to before.
 * Linked with the static and with the shared library. SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <stdlib.h>

static unsigned allocated, freed;

void *
midl_user_allocate(size_t size)
{
  allocated++;
  return malloc(size);
}

void
midl_user_free(void *block)
{
  freed++;
  free(block);
}

static int
reset(void **state)
{
  allocated = freed = 0;
  return note_raised(state);
}

#define own_test(function) cmocka_unit_test_setup_teardown(function, reset, expect_no_scope)

static RPC_CLIENT_ALLOC *
the_library_s_default(void)
{
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *free_it;
  RpcSsSwapClientAllocFree(midl_user_allocate, midl_user_free, &allocate, &free_it);
  RpcSsSetClientAllocFree(allocate, free_it);
  return allocate;
}

static void
the_library_calls_the_application_s(void **state)
{
  (void)state;
  void *block = the_library_s_default()(100);
  assert_int_equal(allocated, 1);
  RpcSmClientFree(block);
  assert_int_equal(freed, 1);
}

static void
a_scope_is_still_the_library_s(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  RpcSmClientFree(the_library_s_default()(100));
  assert_int_equal(allocated, 0);
  assert_int_equal(freed, 0);
  RpcSsDisableAllocate();
}

static void
each_block_goes_back_to_where_it_is_from(void **state)
{
  (void)state;
  void *own = the_library_s_default()(100);
  RpcSsEnableAllocate();
  RpcSmClientFree(own);
  assert_int_equal(freed, 1);
  void                *of_scope = the_library_s_default()(100);
  RPC_SS_THREAD_HANDLE handle = RpcSsGetThreadHandle();
  RpcSsSetThreadHandle(NULL);
  RpcSmClientFree(of_scope);
  RpcSsSetThreadHandle(handle);
  assert_int_equal(freed, 1);
  RpcSsDisableAllocate();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    own_test(the_library_calls_the_application_s),
    own_test(a_scope_is_still_the_library_s),
    own_test(each_block_goes_back_to_where_it_is_from),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
