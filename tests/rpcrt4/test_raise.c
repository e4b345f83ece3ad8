/* With rpcrt4, RpcSs* raise its exceptions; and what MIDL's stubs call by name is ours. Linked with the
 * DLLs and with the libraries in the program. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <rpc.h>
#include <rpcndr.h>

#include <stuballoc/rpcss.h>

#include "catch.h"

static const sa_scope_options small = {.name = "small", .budget = 64 * KIB};

static size_t
blocks(void)
{
  struct sa_scope_stats stats;
  sa_scope_get_stats(sa_scope_current(), &stats);
  return stats.blocks;
}

/* --- exceptions -------------------------------------------------------------------------------- */

static void
allocate_nowhere(void *unused)
{
  (void)unused;
  RpcSsAllocate(16);
}

static void
allocate_too_much(void *unused)
{
  (void)unused;
  SA_SCOPED(&small);
  RpcSsAllocate(MIB);
}

static void
destroy_context(void *context)
{
  RpcSsDestroyClientContext(context);
}

static void
each_failure_has_its_exception(void **state)
{
  void *none = NULL;
  (void)state;
  assert_int_equal(raised_by(allocate_nowhere, NULL), RPC_S_INVALID_ARG);
  assert_int_equal(raised_by(destroy_context, &none), RPC_X_SS_CONTEXT_MISMATCH);
  assert_int_equal(raised_by(destroy_context, NULL), RPC_X_NULL_REF_POINTER);
}

static void
an_exception_leaves_no_scope(void **state)
{
  (void)state;
  sa_scope *around = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(around), 0);
  assert_int_equal(raised_by(allocate_too_much, NULL), RPC_S_OUT_OF_MEMORY);
  sa_scope_leave(around);
  assert_null(sa_scope_current());
  sa_scope_destroy(around);
}

/* --- stubs ------------------------------------------------------------------------------------- */

/* As the stub of an operation with [enable_allocate] does. */
static void
a_server_stub_allocates_in_the_package(void **state)
{
  (void)state;
  MIDL_STUB_MESSAGE message = {0};
  NdrRpcSsEnableAllocate(&message);
  void *block = message.pfnAllocate(100);
  assert_non_null(block);
  assert_int_equal(blocks(), 1);
  message.pfnFree(block);
  assert_int_equal(blocks(), 0);
  NdrRpcSsDisableAllocate(&message);
  assert_null(sa_scope_current());
  block = message.pfnAllocate(100);
  assert_non_null(block);
  message.pfnFree(block);
}

static void
by_default_a_stub_allocates_in_the_scope_of_its_call(void **state)
{
  (void)state;
  SA_SCOPED(NULL);
  void *block = NdrRpcSsDefaultAllocate(100);
  assert_int_equal(blocks(), 1);
  NdrRpcSsDefaultFree(block);
  assert_int_equal(blocks(), 0);
}

static size_t asked_for;

static void *__RPC_API
note_size(size_t size)
{
  asked_for = size;
  return sa_malloc(size);
}

static void __RPC_API
give_back(void *block)
{
  asked_for = 0;
  sa_free(block);
}

static void
a_client_stub_allocates_by_its_threads_functions(void **state)
{
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *release;
  MIDL_STUB_MESSAGE message = {0};
  (void)state;
  RpcSsSwapClientAllocFree(note_size, give_back, &allocate, &release);
  NdrRpcSmSetClientToOsf(&message);
  void *block = message.pfnAllocate(100);
  assert_int_equal(asked_for, 100);
  message.pfnFree(block);
  assert_int_equal(asked_for, 0);
  NdrRpcSmClientFree(NdrRpcSmClientAllocate(200));
  assert_int_equal(asked_for, 0);
  RpcSsSetClientAllocFree(allocate, release);
}

/* --- the rest of the package, whose names this program is to be linked with --------------------- */

static void
the_status_forms_are_ours(void **state)
{
  RPC_STATUS status = RPC_S_OK;
  void      *none = NULL;
  (void)state;
  assert_null(RpcSmAllocate(16, &status));
  assert_int_equal(status, RPC_S_INVALID_ARG);
  assert_int_equal(RpcSmEnableAllocate(), RPC_S_OK);
  RPC_SS_THREAD_HANDLE scope = RpcSmGetThreadHandle(&status);
  assert_ptr_equal(scope, sa_scope_current());
  assert_int_equal(RpcSmFree(RpcSmAllocate(16, &status)), RPC_S_OK);
  assert_int_equal(RpcSmClientFree(MIDL_user_allocate(16)), RPC_S_OK);
  assert_int_equal(RpcSmSetThreadHandle(NULL), RPC_S_OK);
  assert_null(RpcSsGetThreadHandle());
  RpcSsSetThreadHandle(scope);
  assert_int_equal(RpcSmDisableAllocate(), RPC_S_OK);
  assert_int_equal(RpcSmDestroyClientContext(&none), RPC_X_SS_CONTEXT_MISMATCH);
  RpcSsEnableAllocate();
  RpcSsFree(RpcSsAllocate(16));
  RpcSsDisableAllocate();
  assert_int_equal(RpcSmSetClientAllocFree(NULL, NULL), RPC_S_INVALID_ARG);
  assert_int_equal(RpcSmSwapClientAllocFree(NULL, NULL, NULL, NULL), RPC_S_INVALID_ARG);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_failure_has_its_exception),
    cmocka_unit_test(an_exception_leaves_no_scope),
    cmocka_unit_test(a_server_stub_allocates_in_the_package),
    cmocka_unit_test(by_default_a_stub_allocates_in_the_scope_of_its_call),
    cmocka_unit_test(a_client_stub_allocates_by_its_threads_functions),
    cmocka_unit_test(the_status_forms_are_ours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
