/* RpcSsEnableAllocate, RpcSmEnableAllocate, RpcSsDisableAllocate, RpcSmDisableAllocate.
 * SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/wait.h>

/* --- Enable ----------------------------------------------------------------------------------- */

static void
SsEnable_establishes_an_environment_in_which_Allocate_works(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  assert_non_null(RpcSsAllocate(100));
  assert_int_equal(raised, RPC_S_OK);
  RpcSsDisableAllocate();
}

static void
SmEnable_establishes_an_environment_and_returns_OK(void **state)
{
  (void)state;
  RPC_STATUS status;
  assert_int_equal(RpcSmEnableAllocate(), RPC_S_OK);
  assert_non_null(RpcSmAllocate(100, &status));
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
}

static void
enable_until_it_fails(void *form)
{
  enum { MOST = 1000 * 1000 };
  RPC_STATUS status = RPC_S_OK;
  limit_memory(8 * MIB);
  for (unsigned i = 0; status == RPC_S_OK && i < MOST; i++) {
    if (form)
      RpcSsEnableAllocate();
    else
      raised = RpcSmEnableAllocate();
    status = raised;
  }
  if (status != RPC_S_OUT_OF_MEMORY)
    exit(1);
  /* and what there is still works */
  if (RpcSmFree(RpcSsAllocate(0)) != RPC_S_OK || !sa_scope_current())
    exit(2);
}

static void
SmEnable_returns_OUT_OF_MEMORY_when_there_is_none(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS();
  struct child child = child_run(enable_until_it_fails, NULL);
  assert_int_equal(child.status, 0);
}

static void
SsEnable_raises_what_SmEnable_returns(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS();
  struct child child = child_run(enable_until_it_fails, &raised);
  assert_int_equal(child.status, 0);
}

static void *
allocate_without_environment(void *status)
{
  return RpcSmAllocate(100, status);
}

static void
the_environment_of_a_thread_is_its_own(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_OK;
  RpcSsEnableAllocate();
  in_thread(allocate_without_environment, &status);
  assert_int_equal(status, RPC_S_INVALID_ARG);
  RpcSsDisableAllocate();
}

/* --- Disable ---------------------------------------------------------------------------------- */

/* Far more than there may be at once. */
static void
cycle_in_a_budget(RPC_STATUS (*disable)(void))
{
  sa_scope *around = enter_budget(8 * MIB);
  for (unsigned cycle = 0; cycle < 16; cycle++) {
    assert_int_equal(RpcSmEnableAllocate(), RPC_S_OK);
    for (unsigned i = 0; i < 64; i++)
      assert_non_null(RpcSsAllocate(i % 2 ? 1000 : 100 * KIB));
    assert_int_equal(disable(), RPC_S_OK);
  }
  leave_budget(around);
}

static RPC_STATUS
ss_disable(void)
{
  RpcSsDisableAllocate();
  return raised;
}

static void
SsDisable_frees_all_that_was_allocated_since_Enable(void **state)
{
  (void)state;
  cycle_in_a_budget(ss_disable);
}

static void
SmDisable_frees_all_that_was_allocated_since_Enable(void **state)
{
  (void)state;
  cycle_in_a_budget(RpcSmDisableAllocate);
}

static void
Disable_frees_what_was_given_back_before_as_well(void **state)
{
  (void)state;
  enum { BLOCKS = 100 };
  void                 *blocks[BLOCKS];
  struct sa_scope_stats stats;
  sa_scope             *around = enter_budget(1 * MIB);
  RpcSsEnableAllocate();
  for (unsigned i = 0; i < BLOCKS; i++)
    blocks[i] = RpcSsAllocate(1000);
  for (unsigned i = 0; i < BLOCKS; i++)
    RpcSsFree(blocks[i]);
  sa_scope_get_stats(around, &stats);
  assert_true(stats.held >= BLOCKS * 1000);
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
  sa_scope_get_stats(around, &stats);
  assert_int_equal(stats.held, 0);
  leave_budget(around);
}

static void
Disable_ends_the_environment(void **state)
{
  (void)state;
  RPC_STATUS status;
  RpcSsEnableAllocate();
  RpcSsDisableAllocate();
  assert_null(RpcSsGetThreadHandle());
  assert_null(RpcSmAllocate(100, &status));
  assert_int_equal(status, RPC_S_INVALID_ARG);
}

static void
Enable_and_Disable_of_either_form_are_a_pair(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
  assert_null(RpcSsGetThreadHandle());
  assert_int_equal(RpcSmEnableAllocate(), RPC_S_OK);
  RpcSsDisableAllocate();
  assert_null(RpcSsGetThreadHandle());
}

/* Beyond Microsoft's promise, which has one environment a thread. */
static void
pairs_nest_and_each_frees_its_own(void **state)
{
  (void)state;
  enum { DEPTH = 40 };
  void                *blocks[DEPTH];
  RPC_SS_THREAD_HANDLE handles[DEPTH];
  for (unsigned i = 0; i < DEPTH; i++) {
    RpcSsEnableAllocate();
    handles[i] = RpcSsGetThreadHandle();
    blocks[i] = RpcSsAllocate(100);
    assert_non_null(blocks[i]);
    fill(blocks[i], 100, i);
  }
  for (unsigned i = DEPTH; i-- > 0;) {
    assert_ptr_equal(RpcSsGetThreadHandle(), handles[i]);
    for (unsigned j = 0; j <= i; j++)
      assert_true(is_filled(blocks[j], 100, j));
    RpcSsDisableAllocate();
  }
}

static void
Disable_without_Enable_does_nothing(void **state)
{
  (void)state;
  RpcSsDisableAllocate();
  assert_int_equal(raised, RPC_S_OK);
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
  RpcSsEnableAllocate();
  RpcSsDisableAllocate();
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
}

static void
Disable_without_Enable_leaves_a_scope_that_the_stub_entered_alone(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  char *block = RpcSsAllocate(100);
  fill(block, 100, 1);
  RpcSsDisableAllocate();
  assert_ptr_equal(sa_scope_current(), scope);
  assert_true(is_filled(block, 100, 1));
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

static void
Disable_leaves_what_was_entered_since_its_Enable(void **state)
{
  (void)state;
  sa_scope *above = sa_scope_create(NULL);
  RpcSsEnableAllocate();
  assert_int_equal(sa_scope_enter(above), 0);
  RpcSsDisableAllocate();
  assert_null(sa_scope_current());
  sa_scope_destroy(above);
}

/* --- Enable whose Disable is never reached ---------------------------------------------------- */

/* An exception went past the Disable, and a server's stub leaves the scope around the call. */
static void
enable_in_a_call_that_raises(sa_scope *call)
{
  jmp_buf raise_to;
  assert_int_equal(sa_scope_enter(call), 0);
  if (setjmp(raise_to) == 0) {
    RpcSsEnableAllocate();
    assert_non_null(RpcSsAllocate(100 * KIB));
    longjmp(raise_to, 1);
  }
  sa_scope_leave(call);
}

static void
an_Enable_that_an_exception_leaves_open_ends_with_the_scope_around_it(void **state)
{
  (void)state;
  sa_scope *call = enter_budget(1 * MIB);
  for (unsigned i = 0; i < 100; i++)
    enable_in_a_call_that_raises(call);
  leave_budget(call);
  /* the pairs are gone as well */
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
}

static void *
enable_and_exit(void *around)
{
  return sa_scope_enter(around) == 0 && RpcSmEnableAllocate() == RPC_S_OK ? RpcSsAllocate(100 * KIB)
                                                                          : NULL;
}

static void
an_Enable_left_open_ends_with_its_thread(void **state)
{
  (void)state;
  sa_scope *around = enter_budget(1 * MIB);
  for (unsigned i = 0; i < 100; i++)
    in_thread(enable_and_exit, around);
  assert_int_equal(raised, RPC_S_OK);
  leave_budget(around);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    rpcss_test(SsEnable_establishes_an_environment_in_which_Allocate_works),
    rpcss_test(SmEnable_establishes_an_environment_and_returns_OK),
    rpcss_test(SmEnable_returns_OUT_OF_MEMORY_when_there_is_none),
    rpcss_test(SsEnable_raises_what_SmEnable_returns),
    rpcss_test(the_environment_of_a_thread_is_its_own),
    rpcss_test(SsDisable_frees_all_that_was_allocated_since_Enable),
    rpcss_test(SmDisable_frees_all_that_was_allocated_since_Enable),
    rpcss_test(Disable_frees_what_was_given_back_before_as_well),
    rpcss_test(Disable_ends_the_environment),
    rpcss_test(Enable_and_Disable_of_either_form_are_a_pair),
    rpcss_test(pairs_nest_and_each_frees_its_own),
    rpcss_test(Disable_without_Enable_does_nothing),
    rpcss_test(Disable_without_Enable_leaves_a_scope_that_the_stub_entered_alone),
    rpcss_test(Disable_leaves_what_was_entered_since_its_Enable),
    rpcss_test(an_Enable_that_an_exception_leaves_open_ends_with_the_scope_around_it),
    rpcss_test(an_Enable_left_open_ends_with_its_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
