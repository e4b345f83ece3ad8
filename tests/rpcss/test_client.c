/* RpcSsSetClientAllocFree, RpcSmSetClientAllocFree, RpcSsSwapClientAllocFree,
 * RpcSmSwapClientAllocFree, RpcSmClientFree. SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <stdlib.h>

/* What a client stub does with the memory of its results. */
static void *
call_a_stub(size_t size)
{
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *free_it;
  RpcSsSwapClientAllocFree(midl_user_allocate, midl_user_free, &allocate, &free_it);
  RpcSsSetClientAllocFree(allocate, free_it);
  return allocate(size);
}

static unsigned allocated, freed;

static void *
counting_allocate(size_t size)
{
  allocated++;
  return malloc(size);
}

static void
counting_free(void *block)
{
  freed++;
  free(block);
}

static void *
other_allocate(size_t size)
{
  return malloc(size);
}

static void
other_free(void *block)
{
  free(block);
}

static RPC_CLIENT_ALLOC *default_allocate;
static RPC_CLIENT_FREE  *default_free;

static int
begin(void **state)
{
  allocated = freed = 0;
  return note_raised(state) == 0
             && RpcSmSwapClientAllocFree(other_allocate, other_free, &default_allocate,
                                         &default_free)
                  == RPC_S_OK
             && RpcSmSetClientAllocFree(default_allocate, default_free) == RPC_S_OK
           ? 0
           : -1;
}

static int
end(void **state)
{
  return RpcSmSetClientAllocFree(default_allocate, default_free) == RPC_S_OK
           ? expect_no_scope(state)
           : -1;
}

#define client_test(function) cmocka_unit_test_setup_teardown(function, begin, end)

/* --- by default ------------------------------------------------------------------------------- */

static void
by_default_a_stub_in_no_environment_uses_midl_user(void **state)
{
  (void)state;
  void *block = call_a_stub(100);
  fill(block, 100, 1);
  midl_user_free(block);
  block = midl_user_allocate(100);
  assert_int_equal(RpcSmClientFree(block), RPC_S_OK);
}

static void
by_default_a_stub_in_an_environment_uses_the_package(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  void *block = call_a_stub(100);
  assert_non_null(block);
  assert_int_equal(RpcSmClientFree(block), RPC_S_OK);
  assert_ptr_equal(RpcSsAllocate(100), block);
  RpcSsDisableAllocate();
}

/* --- Set -------------------------------------------------------------------------------------- */

static void
SsSet_overrides_the_functions_that_stubs_use(void **state)
{
  (void)state;
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  assert_int_equal(RpcSmClientFree(call_a_stub(100)), RPC_S_OK);
  assert_int_equal(allocated, 1);
  assert_int_equal(freed, 1);
}

static void
SmSet_overrides_the_functions_that_stubs_use_and_returns_OK(void **state)
{
  (void)state;
  assert_int_equal(RpcSmSetClientAllocFree(counting_allocate, counting_free), RPC_S_OK);
  assert_int_equal(RpcSmClientFree(call_a_stub(100)), RPC_S_OK);
  assert_int_equal(allocated, 1);
  assert_int_equal(freed, 1);
}

static void
Set_overrides_the_package_as_well(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  RpcSmClientFree(call_a_stub(100));
  assert_int_equal(allocated, 1);
  assert_int_equal(freed, 1);
  RpcSsDisableAllocate();
}

static void
Set_of_a_null_function_is_INVALID_ARG_and_changes_nothing(void **state)
{
  (void)state;
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  assert_int_equal(RpcSmSetClientAllocFree(NULL, other_free), RPC_S_INVALID_ARG);
  assert_int_equal(RpcSmSetClientAllocFree(other_allocate, NULL), RPC_S_INVALID_ARG);
  assert_int_equal(raised, RPC_S_OK);
  RpcSsSetClientAllocFree(NULL, NULL);
  assert_int_equal(raised, RPC_S_INVALID_ARG);
  RpcSmClientFree(call_a_stub(100));
  assert_int_equal(allocated, 1);
  assert_int_equal(freed, 1);
}

static void *
call_in_another_thread(void *unused)
{
  RpcSmClientFree(call_a_stub(100));
  return unused;
}

static void
Set_is_for_the_thread_that_calls_it(void **state)
{
  (void)state;
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  in_thread(call_in_another_thread, NULL);
  assert_int_equal(allocated, 0);
  assert_int_equal(freed, 0);
}

/* --- Swap ------------------------------------------------------------------------------------- */

static void
SmSwap_exchanges_the_functions_and_returns_the_previous_ones(void **state)
{
  (void)state;
  RPC_CLIENT_ALLOC *old_allocate = NULL;
  RPC_CLIENT_FREE  *old_free = NULL;
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  assert_int_equal(RpcSmSwapClientAllocFree(other_allocate, other_free, &old_allocate, &old_free),
                   RPC_S_OK);
  assert_ptr_equal(old_allocate, counting_allocate);
  assert_ptr_equal(old_free, counting_free);
  RpcSmClientFree(call_a_stub(100));
  assert_int_equal(allocated, 0);
  assert_int_equal(freed, 0);
}

static void
SsSwap_exchanges_the_functions_and_returns_the_previous_ones(void **state)
{
  (void)state;
  RPC_CLIENT_ALLOC *old_allocate = NULL;
  RPC_CLIENT_FREE  *old_free = NULL;
  RpcSsSetClientAllocFree(other_allocate, other_free);
  RpcSsSwapClientAllocFree(counting_allocate, counting_free, &old_allocate, &old_free);
  assert_ptr_equal(old_allocate, other_allocate);
  assert_ptr_equal(old_free, other_free);
  RpcSmClientFree(call_a_stub(100));
  assert_int_equal(allocated, 1);
  assert_int_equal(freed, 1);
  assert_int_equal(raised, RPC_S_OK);
}

static void
what_Swap_returned_may_be_set_again(void **state)
{
  (void)state;
  RPC_CLIENT_ALLOC *old_allocate;
  RPC_CLIENT_FREE  *old_free;
  RpcSsSwapClientAllocFree(counting_allocate, counting_free, &old_allocate, &old_free);
  RpcSsSetClientAllocFree(old_allocate, old_free);
  by_default_a_stub_in_an_environment_uses_the_package(state);
  assert_int_equal(allocated, 0);
}

static void
Swap_with_a_null_pointer_is_INVALID_ARG_and_changes_nothing(void **state)
{
  (void)state;
  RPC_CLIENT_ALLOC *old_allocate = NULL;
  RPC_CLIENT_FREE  *old_free = NULL;
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  assert_int_equal(RpcSmSwapClientAllocFree(NULL, other_free, &old_allocate, &old_free),
                   RPC_S_INVALID_ARG);
  assert_int_equal(RpcSmSwapClientAllocFree(other_allocate, NULL, &old_allocate, &old_free),
                   RPC_S_INVALID_ARG);
  assert_int_equal(RpcSmSwapClientAllocFree(other_allocate, other_free, NULL, &old_free),
                   RPC_S_INVALID_ARG);
  assert_int_equal(RpcSmSwapClientAllocFree(other_allocate, other_free, &old_allocate, NULL),
                   RPC_S_INVALID_ARG);
  assert_int_equal(raised, RPC_S_OK);
  RpcSsSwapClientAllocFree(other_allocate, other_free, NULL, NULL);
  assert_int_equal(raised, RPC_S_INVALID_ARG);
  assert_null(old_allocate);
  assert_null(old_free);
  RpcSmClientFree(call_a_stub(100));
  assert_int_equal(allocated, 1);
}

/* --- ClientFree ------------------------------------------------------------------------------- */

static void
ClientFree_frees_what_a_stub_returned_and_returns_OK(void **state)
{
  (void)state;
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  assert_int_equal(RpcSmClientFree(call_a_stub(100)), RPC_S_OK);
  assert_int_equal(freed, 1);
}

/* The caller need not know the environment: not even the one that there was before. */
static void
ClientFree_finds_out_where_a_block_is_from(void **state)
{
  (void)state;
  void *outside = call_a_stub(100);
  RpcSsEnableAllocate();
  void *inside = call_a_stub(100);
  assert_int_equal(RpcSmClientFree(outside), RPC_S_OK);
  RPC_SS_THREAD_HANDLE handle = RpcSsGetThreadHandle();
  RpcSsSetThreadHandle(NULL);
  assert_int_equal(RpcSmClientFree(inside), RPC_S_OK);
  RpcSsSetThreadHandle(handle);
  RpcSsDisableAllocate();
}

static void
ClientFree_ignores_NULL(void **state)
{
  (void)state;
  assert_int_equal(RpcSmClientFree(NULL), RPC_S_OK);
  RpcSsSetClientAllocFree(counting_allocate, counting_free);
  assert_int_equal(RpcSmClientFree(NULL), RPC_S_OK);
  assert_int_equal(freed, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    client_test(by_default_a_stub_in_no_environment_uses_midl_user),
    client_test(by_default_a_stub_in_an_environment_uses_the_package),
    client_test(SsSet_overrides_the_functions_that_stubs_use),
    client_test(SmSet_overrides_the_functions_that_stubs_use_and_returns_OK),
    client_test(Set_overrides_the_package_as_well),
    client_test(Set_of_a_null_function_is_INVALID_ARG_and_changes_nothing),
    client_test(Set_is_for_the_thread_that_calls_it),
    client_test(SmSwap_exchanges_the_functions_and_returns_the_previous_ones),
    client_test(SsSwap_exchanges_the_functions_and_returns_the_previous_ones),
    client_test(what_Swap_returned_may_be_set_again),
    client_test(Swap_with_a_null_pointer_is_INVALID_ARG_and_changes_nothing),
    client_test(ClientFree_frees_what_a_stub_returned_and_returns_OK),
    client_test(ClientFree_finds_out_where_a_block_is_from),
    client_test(ClientFree_ignores_NULL),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
