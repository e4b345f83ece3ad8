/* How RpcSs* raise: sa_set_raise_handler, the runtime's way, and neither of them; and the context
 * handles, which are the runtime's. SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "stub/runtime.h"

/* --- a handler -------------------------------------------------------------------------------- */

static jmp_buf caught;

static void
jump(RPC_STATUS status)
{
  longjmp(caught, (int)status);
}

static void
a_handler_may_leave_by_longjmp(void **state)
{
  (void)state;
  sa_set_raise_handler(jump);
  int status = setjmp(caught);
  if (status == 0) {
    RpcSsAllocate(100);
    fail();
  }
  assert_int_equal(status, RPC_S_INVALID_ARG);
}

static void
where_a_handler_returns_the_function_fails(void **state)
{
  (void)state;
  assert_null(RpcSsAllocate(100));
  assert_int_equal(raised, RPC_S_INVALID_ARG);
}

static void *
allocate_in_no_scope(void *unused)
{
  (void)unused;
  return RpcSsAllocate(100);
}

static void
a_handler_is_one_for_the_process(void **state)
{
  (void)state;
  in_thread(allocate_in_no_scope, NULL);
  assert_int_equal(raised, RPC_S_INVALID_ARG);
}

static void
no_handler_is_called_where_nothing_fails(void **state)
{
  (void)state;
  raised = 12345;
  RpcSsEnableAllocate();
  RpcSsFree(RpcSsAllocate(100));
  RpcSsSetThreadHandle(RpcSsGetThreadHandle());
  RpcSsDisableAllocate();
  RpcSsDisableAllocate();
  assert_int_equal(raised, 12345);
}

/* --- neither handler nor runtime -------------------------------------------------------------- */

static void
allocate_in_nothing(void *unused)
{
  (void)unused;
  sa_set_raise_handler(NULL);
  RpcSsAllocate(100);
}

static void
with_neither_it_says_what_went_wrong_and_aborts(void **state)
{
  (void)state;
  struct child child = child_run(allocate_in_nothing, NULL);
  assert_aborted_saying(&child, "RpcSsAllocate: ");
  assert_aborted_saying(&child, "87");
}

static void
allocate_too_much(void *unused)
{
  (void)unused;
  volatile size_t too_big = SIZE_MAX;
  sa_set_raise_handler(NULL);
  RpcSsEnableAllocate();
  RpcSsAllocate(too_big);
}

static void
what_it_says_tells_one_failure_from_another(void **state)
{
  (void)state;
  struct child child = child_run(allocate_too_much, NULL);
  assert_aborted_saying(&child, "RpcSsAllocate: no memory");
}

/* --- a runtime -------------------------------------------------------------------------------- */

static RPC_STATUS
destroy_context(void **context)
{
  if (*context != &caught)
    return RPC_X_SS_CONTEXT_MISMATCH;
  *context = NULL;
  return RPC_S_OK;
}

static const struct sa_runtime runtime = {jump, destroy_context, 1 * MIB};

static int
attach(void **state)
{
  sa_runtime_attach(&runtime);
  return note_raised(state);
}

static int
detach(void **state)
{
  sa_runtime_attach(NULL);
  return expect_no_scope(state);
}

#define runtime_test(function) cmocka_unit_test_setup_teardown(function, attach, detach)

static void
a_runtime_raises_in_its_own_way_and_no_handler_is_called(void **state)
{
  (void)state;
  int status = setjmp(caught);
  if (status == 0) {
    RpcSsAllocate(100);
    fail();
  }
  assert_int_equal(status, RPC_S_INVALID_ARG);
  assert_int_equal(raised, RPC_S_OK);
}

static void
a_runtime_is_never_asked_for_more_than_its_sizes_can_tell(void **state)
{
  (void)state;
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *free_it;
  assert_int_equal(RpcSmSwapClientAllocFree(malloc, free, &allocate, &free_it), RPC_S_OK);
  assert_int_equal(RpcSmSetClientAllocFree(allocate, free_it), RPC_S_OK);
  assert_null(allocate(1 * MIB + 1));
  void *block = allocate(1 * MIB);
  assert_non_null(block);
  free_it(block);
}

/* --- context handles -------------------------------------------------------------------------- */

static void
SmDestroyClientContext_makes_the_handle_NULL_and_returns_OK(void **state)
{
  (void)state;
  void *context = &caught;
  assert_int_equal(RpcSmDestroyClientContext(&context), RPC_S_OK);
  assert_null(context);
}

static void
SsDestroyClientContext_makes_the_handle_NULL(void **state)
{
  (void)state;
  void *context = &caught;
  RpcSsDestroyClientContext(&context);
  assert_null(context);
}

static void
SmDestroyClientContext_of_an_invalid_handle_is_a_CONTEXT_MISMATCH(void **state)
{
  (void)state;
  void *context = &context;
  assert_int_equal(RpcSmDestroyClientContext(&context), RPC_X_SS_CONTEXT_MISMATCH);
  assert_ptr_equal(context, &context);
}

static void
SsDestroyClientContext_of_an_invalid_handle_raises_a_CONTEXT_MISMATCH(void **state)
{
  (void)state;
  void *context = &context;
  int   status = setjmp(caught);
  if (status == 0) {
    RpcSsDestroyClientContext(&context);
    fail();
  }
  assert_int_equal(status, RPC_X_SS_CONTEXT_MISMATCH);
}

static void
without_a_runtime_no_handle_is_valid(void **state)
{
  (void)state;
  void *context = &caught;
  assert_int_equal(RpcSmDestroyClientContext(&context), RPC_X_SS_CONTEXT_MISMATCH);
  RpcSsDestroyClientContext(&context);
  assert_int_equal(raised, RPC_X_SS_CONTEXT_MISMATCH);
}

static void
DestroyClientContext_of_a_null_pointer_is_a_NULL_REF_POINTER(void **state)
{
  (void)state;
  assert_int_equal(RpcSmDestroyClientContext(NULL), RPC_X_NULL_REF_POINTER);
  RpcSsDestroyClientContext(NULL);
  assert_int_equal(raised, RPC_X_NULL_REF_POINTER);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    rpcss_test(a_handler_may_leave_by_longjmp),
    rpcss_test(where_a_handler_returns_the_function_fails),
    rpcss_test(a_handler_is_one_for_the_process),
    rpcss_test(no_handler_is_called_where_nothing_fails),
    rpcss_test(with_neither_it_says_what_went_wrong_and_aborts),
    rpcss_test(what_it_says_tells_one_failure_from_another),
    runtime_test(a_runtime_raises_in_its_own_way_and_no_handler_is_called),
    runtime_test(a_runtime_is_never_asked_for_more_than_its_sizes_can_tell),
    runtime_test(SmDestroyClientContext_makes_the_handle_NULL_and_returns_OK),
    runtime_test(SsDestroyClientContext_makes_the_handle_NULL),
    runtime_test(SmDestroyClientContext_of_an_invalid_handle_is_a_CONTEXT_MISMATCH),
    runtime_test(SsDestroyClientContext_of_an_invalid_handle_raises_a_CONTEXT_MISMATCH),
    rpcss_test(without_a_runtime_no_handle_is_valid),
    rpcss_test(DestroyClientContext_of_a_null_pointer_is_a_NULL_REF_POINTER),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
