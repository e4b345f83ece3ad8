/* RpcSsAllocate, RpcSmAllocate, RpcSsFree, RpcSmFree. SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
enable(void **state)
{
  return note_raised(state) == 0 && RpcSmEnableAllocate() == RPC_S_OK ? 0 : -1;
}

static int
disable(void **state)
{
  RpcSsDisableAllocate();
  return expect_no_scope(state);
}

#define enabled_test(function) cmocka_unit_test_setup_teardown(function, enable, disable)

/* --- Allocate --------------------------------------------------------------------------------- */

static void
SsAllocate_returns_a_pointer_to_the_memory(void **state)
{
  (void)state;
  for (size_t size = 1; size <= 4 * MIB; size = size * 3 / 2 + 1) {
    char *block = RpcSsAllocate(size);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 16, 0);
    fill(block, size, 1);
    assert_true(is_filled(block, size, 1));
  }
  assert_int_equal(raised, RPC_S_OK);
}

static void
SmAllocate_returns_a_pointer_and_the_status_OK(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_INVALID_ARG;
  assert_non_null(RpcSmAllocate(100, &status));
  assert_int_equal(status, RPC_S_OK);
}

static void
SmAllocate_needs_an_environment_established_before(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_OK;
  assert_null(RpcSmAllocate(100, &status));
  assert_int_equal(status, RPC_S_INVALID_ARG);
}

static void
SsAllocate_raises_when_no_environment_was_established(void **state)
{
  (void)state;
  assert_null(RpcSsAllocate(100));
  assert_int_equal(raised, RPC_S_INVALID_ARG);
}

static void
SmAllocate_never_raises(void **state)
{
  (void)state;
  RPC_STATUS status;
  assert_null(RpcSmAllocate(100, &status));
  assert_int_equal(raised, RPC_S_OK);
}

static volatile size_t too_big = (size_t)PTRDIFF_MAX + 1;

static void
SmAllocate_returns_NULL_and_OUT_OF_MEMORY_when_there_is_none(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_OK;
  assert_null(RpcSmAllocate(too_big, &status));
  assert_int_equal(status, RPC_S_OUT_OF_MEMORY);
  status = RPC_S_OK;
  assert_null(RpcSmAllocate(too_big * 2 - 1, &status));
  assert_int_equal(status, RPC_S_OUT_OF_MEMORY);
}

static void
SsAllocate_raises_OUT_OF_MEMORY_when_there_is_none(void **state)
{
  (void)state;
  assert_null(RpcSsAllocate(too_big));
  assert_int_equal(raised, RPC_S_OUT_OF_MEMORY);
}

static void
a_block_over_the_budget_is_OUT_OF_MEMORY_and_the_next_one_is_not(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_OK;
  sa_scope  *scope = enter_budget(1 * MIB);
  assert_null(RpcSmAllocate(2 * MIB, &status));
  assert_int_equal(status, RPC_S_OUT_OF_MEMORY);
  assert_null(RpcSsAllocate(2 * MIB));
  assert_int_equal(raised, RPC_S_OUT_OF_MEMORY);
  assert_non_null(RpcSmAllocate(1 * KIB, &status));
  assert_int_equal(status, RPC_S_OK);
  leave_budget(scope);
}

static void
a_size_of_zero_gives_a_block(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_INVALID_ARG;
  void      *one = RpcSsAllocate(0), *other = RpcSmAllocate(0, &status);
  assert_non_null(one);
  assert_non_null(other);
  assert_ptr_not_equal(one, other);
  assert_int_equal(status, RPC_S_OK);
  RpcSsFree(one);
  RpcSsFree(other);
}

static void
SmAllocate_without_a_place_for_the_status_allocates(void **state)
{
  (void)state;
  assert_non_null(RpcSmAllocate(100, NULL));
  assert_null(RpcSmAllocate(too_big, NULL));
}

/* A scope that a server's stub entered. */
static void
the_stub_may_have_established_the_environment_and_frees_what_was_allocated(void **state)
{
  (void)state;
  RPC_STATUS status;
  sa_scope  *scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  void *block = RpcSmAllocate(100, &status);
  assert_non_null(block);
  assert_int_equal(RpcSmFree(block), RPC_S_OK);
  assert_non_null(RpcSsAllocate(100));
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

/* --- Free ------------------------------------------------------------------------------------- */

static void
SmFree_returns_OK(void **state)
{
  (void)state;
  assert_int_equal(RpcSmFree(RpcSsAllocate(100)), RPC_S_OK);
}

/* Windows marks the memory and keeps it until the Disable; here it is there for the next one. */
static void
SmFree_releases_memory_of_either_Allocate_at_once(void **state)
{
  (void)state;
  void *block = RpcSsAllocate(100);
  assert_int_equal(RpcSmFree(block), RPC_S_OK);
  assert_ptr_equal(RpcSmAllocate(100, NULL), block);
  assert_int_equal(RpcSmFree(block), RPC_S_OK);
  assert_ptr_equal(RpcSmAllocate(100, NULL), block);
}

static void
SsFree_releases_memory_of_either_Allocate_at_once(void **state)
{
  (void)state;
  void *block = RpcSsAllocate(100);
  RpcSsFree(block);
  assert_ptr_equal(RpcSmAllocate(100, NULL), block);
  RpcSsFree(block);
  assert_ptr_equal(RpcSsAllocate(100), block);
}

static void
an_environment_in_which_all_is_freed_stays_small(void **state)
{
  (void)state;
  enum { CALLS = 100 * 1000, BLOCKS = 11 };
  sa_scope *scope = enter_budget(1 * MIB);
  for (unsigned call = 0; call < CALLS; call++) {
    void *blocks[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++)
      if (!(blocks[i] = RpcSsAllocate(24 + 40 * i)))
        fail();
    for (unsigned i = 0; i < BLOCKS; i++)
      RpcSsFree(blocks[i]);
  }
  leave_budget(scope);
}

static void
Free_releases_what_the_stub_allocated(void **state)
{
  (void)state;
  void *block = midl_user_allocate(100);
  assert_int_equal(RpcSmFree(block), RPC_S_OK);
  assert_ptr_equal(RpcSsAllocate(100), block);
  RpcSsFree(block);
  assert_ptr_equal(midl_user_allocate(100), block);
}

static void
Free_ignores_NULL(void **state)
{
  (void)state;
  RpcSsFree(NULL);
  assert_int_equal(RpcSmFree(NULL), RPC_S_OK);
  assert_int_equal(raised, RPC_S_OK);
}

/* --- Misuse of Free: said, and the end -------------------------------------------------------- */

static void
ss_free_twice(void *unused)
{
  (void)unused;
  void *block = RpcSsAllocate(100);
  RpcSsFree(block);
  RpcSsFree(block);
}

static void
sm_free_twice(void *unused)
{
  (void)unused;
  void *block = RpcSsAllocate(100);
  RpcSmFree(block);
  RpcSmFree(block);
}

static void
two_frees_of_a_block_are_said(void **state)
{
  (void)state;
  struct child ss = child_run(ss_free_twice, NULL), sm = child_run(sm_free_twice, NULL);
  assert_aborted_saying(&ss, "free of ");
  assert_aborted_saying(&sm, "free of ");
}

static void
free_after_disable(void *unused)
{
  (void)unused;
  void *block = RpcSsAllocate(100);
  RpcSsDisableAllocate();
  RpcSsFree(block);
}

static void
a_free_after_the_Disable_is_said(void **state)
{
  (void)state;
  struct child child = child_run(free_after_disable, NULL);
  assert_aborted_saying(&child, "free of ");
}

static void
free_foreign(void *block)
{
  RpcSmFree(block);
}

static void
a_free_of_what_is_no_block_is_said(void **state)
{
  (void)state;
  _Alignas(16) char on_stack[64];
  void             *of_malloc = malloc(100);
  struct child      stack = child_run(free_foreign, on_stack), heap;
  heap = child_run(free_foreign, of_malloc);
  free(of_malloc);
  assert_aborted_saying(&stack, "free of ");
  assert_aborted_saying(&heap, "free of ");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    enabled_test(SsAllocate_returns_a_pointer_to_the_memory),
    enabled_test(SmAllocate_returns_a_pointer_and_the_status_OK),
    rpcss_test(SmAllocate_needs_an_environment_established_before),
    rpcss_test(SsAllocate_raises_when_no_environment_was_established),
    rpcss_test(SmAllocate_never_raises),
    enabled_test(SmAllocate_returns_NULL_and_OUT_OF_MEMORY_when_there_is_none),
    enabled_test(SsAllocate_raises_OUT_OF_MEMORY_when_there_is_none),
    rpcss_test(a_block_over_the_budget_is_OUT_OF_MEMORY_and_the_next_one_is_not),
    enabled_test(a_size_of_zero_gives_a_block),
    enabled_test(SmAllocate_without_a_place_for_the_status_allocates),
    rpcss_test(the_stub_may_have_established_the_environment_and_frees_what_was_allocated),
    enabled_test(SmFree_returns_OK),
    enabled_test(SmFree_releases_memory_of_either_Allocate_at_once),
    enabled_test(SsFree_releases_memory_of_either_Allocate_at_once),
    rpcss_test(an_environment_in_which_all_is_freed_stays_small),
    enabled_test(Free_releases_what_the_stub_allocated),
    enabled_test(Free_ignores_NULL),
    enabled_test(two_frees_of_a_block_are_said),
    enabled_test(a_free_after_the_Disable_is_said),
    enabled_test(a_free_of_what_is_no_block_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
