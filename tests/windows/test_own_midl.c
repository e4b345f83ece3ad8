/* A program that brings its own midl_user_allocate and midl_user_free; with the library as DLL and in the
 * program. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

/* How often the library is to call ours. */
#ifndef OURS
#define OURS 0
#endif

static unsigned allocated, freed;

void *__RPC_USER
midl_user_allocate(size_t size)
{
  allocated++;
  return malloc(size);
}

void __RPC_USER
midl_user_free(void *block)
{
  freed++;
  free(block);
}

static RPC_CLIENT_ALLOC *default_allocate;
static RPC_CLIENT_FREE  *default_free;

static int
set_ours(void **state)
{
  (void)state;
  allocated = freed = 0;
  return (int)RpcSmSwapClientAllocFree(midl_user_allocate, midl_user_free, &default_allocate,
                                       &default_free);
}

static int
set_default(void **state)
{
  (void)state;
  return (int)RpcSmSetClientAllocFree(default_allocate, default_free);
}

static void
by_default_a_DLL_calls_its_own_and_a_static_library_ours(void **state)
{
  set_default(state);
  void *block = default_allocate(100);
  assert_int_equal(allocated, OURS);
  RpcSmClientFree(block);
  assert_int_equal(freed, OURS);
}

static void
ours_are_called_once_they_are_set(void **state)
{
  (void)state;
  RpcSmClientFree(midl_user_allocate(100));
  assert_int_equal(freed, 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(by_default_a_DLL_calls_its_own_and_a_static_library_ours,
                                    set_ours, set_default),
    cmocka_unit_test_setup_teardown(ours_are_called_once_they_are_set, set_ours, set_default),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
