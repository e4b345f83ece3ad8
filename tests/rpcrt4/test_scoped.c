/* sa_scoped_interface: what is done around a stub, called as rpcrt4 calls it.
 * SPDX-License-Identifier: MIT */
#include "counts.h"

#include <errno.h>
#include <string.h>

#include <rpc.h>
#include <rpcndr.h>

#include <stuballoc/rpc.h>

#include "catch.h"

enum { OPERATIONS = 3 };

static sa_scope *scope_of_call;

static void __RPC_STUB
returns(RPC_MESSAGE *message)
{
  (void)message;
  scope_of_call = sa_scope_current();
  assert_non_null(MIDL_user_allocate(100));
}

/* In a scope of the manager's own, which it does not get to leave. */
static void __RPC_STUB
raises(RPC_MESSAGE *message)
{
  (void)message;
  scope_of_call = sa_scope_current();
  RpcSsEnableAllocate();
  RpcRaiseException(RPC_S_CALL_CANCELLED);
}

static void __RPC_STUB
asks_for_too_much(RPC_MESSAGE *message)
{
  (void)message;
  scope_of_call = sa_scope_current();
  assert_null(MIDL_user_allocate(MIB));
}

static RPC_DISPATCH_FUNCTION  stubs[OPERATIONS + 1] = {returns, raises, asks_for_too_much, NULL};
static RPC_DISPATCH_TABLE     table = {OPERATIONS, stubs, 0};
static RPC_SERVER_INTERFACE   server = {.Length = sizeof server, .DispatchTable = &table};
static const sa_scope_options budget = {.budget = 64 * KIB};

struct call {
  sa_if_handle ifspec;
  unsigned     operation;
};

static void
dispatch(void *argument)
{
  const struct call    *call = argument;
  RPC_SERVER_INTERFACE *interface_called = call->ifspec;
  RPC_MESSAGE message = {.RpcInterfaceInformation = call->ifspec, .ProcNum = call->operation};
  interface_called->DispatchTable->DispatchTable[call->operation](&message);
}

static RPC_STATUS
call(sa_if_handle ifspec, unsigned operation)
{
  scope_of_call = NULL;
  return raised_by(dispatch, &(struct call){ifspec, operation});
}

static void
each_call_has_a_scope_of_its_own(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, NULL);
  assert_non_null(scoped);
  assert_int_equal(call(scoped, 0), RPC_S_OK);
  assert_non_null(scope_of_call);
  assert_null(sa_scope_current());
}

static void
a_raise_passes_and_leaves_no_scope(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, NULL);
  assert_int_equal(call(scoped, 1), RPC_S_CALL_CANCELLED);
  assert_non_null(scope_of_call);
  assert_null(sa_scope_current());
}

static void
the_runtime_may_have_copied_the_interface(void **state)
{
  (void)state;
  sa_if_handle         scoped = sa_scoped_interface(&server, NULL);
  RPC_SERVER_INTERFACE copy = *(RPC_SERVER_INTERFACE *)scoped;
  assert_int_equal(call(&copy, 0), RPC_S_OK);
  assert_non_null(scope_of_call);
  assert_null(sa_scope_current());
}

static unsigned              calls_observed, observed_operation;
static struct sa_scope_stats observed;

static void
observer(sa_if_handle ifspec, unsigned operation, const struct sa_scope_stats *stats)
{
  assert_ptr_equal(ifspec, &server);
  calls_observed++;
  observed_operation = operation;
  observed = *stats;
}

static void
the_observer_is_told(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, &budget);
  sa_observe_calls(observer);
  call(scoped, 0);
  assert_int_equal(observed.blocks, 1);
  call(scoped, 2);
  assert_int_equal(observed_operation, 2);
  assert_int_equal(observed.over_budget, 1);
  call(scoped, 1);
  assert_int_equal(observed_operation, 1);
  assert_int_equal(calls_observed, 3);
  sa_observe_calls(NULL);
  call(scoped, 0);
  assert_int_equal(calls_observed, 3);
}

/* --- accounts --------------------------------------------------------------------------------- */

static void
each_operation_has_an_account(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, &(sa_scope_options){.name = "accounted"});
  for (int i = 0; i < 3; i++)
    call(scoped, 0);
  sa_operation_stats account = account_of("accounted", 0);
  assert_int_equal(account.calls, 3);
  assert_int_equal(account.faults, 0);
  assert_int_equal(account.over_budget, 0);
  assert_int_equal(account.blocks, 3);
  assert_int_equal(account.bytes, 3 * (is_hardened() ? 100 : 112));
  assert_true(account.mean >= 112 && account.mean == account.peak);
  assert_true(account.longest > 0 && account.longest <= account.nanoseconds);
  assert_int_equal(account_of("accounted", 1).calls, 0);
}

static void
faults_and_exceeded_budgets_are_counted(void **state)
{
  (void)state;
  const sa_scope_options options = {.name = "refused", .budget = 64 * KIB};
  sa_if_handle           scoped = sa_scoped_interface(&server, &options);
  call(scoped, 2);
  assert_int_equal(account_of("refused", 2).over_budget, 1);
  assert_int_equal(account_of("refused", 2).faults, 0);
  for (int i = 0; i < 2; i++)
    assert_int_equal(call(scoped, 1), RPC_S_CALL_CANCELLED);
  assert_int_equal(account_of("refused", 1).calls, 2);
  assert_int_equal(account_of("refused", 1).faults, 2);
}

static void
what_is_no_server_is_refused(void **state)
{
  (void)state;
  RPC_SERVER_INTERFACE client = {.Length = sizeof client};
  errno = 0;
  assert_null(sa_scoped_interface(&client, NULL));
  assert_int_equal(errno, EINVAL);
  assert_null(sa_scoped_interface(NULL, NULL));
}

static void
so_is_one_with_several_syntaxes(void **state)
{
  (void)state;
  RPC_SERVER_INTERFACE several = server;
  several.Flags |= RPCFLG_HAS_MULTI_SYNTAXES;
  assert_null(sa_scoped_interface(&several, NULL));
  assert_int_equal(errno, ENOTSUP);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_call_has_a_scope_of_its_own),
    cmocka_unit_test(a_raise_passes_and_leaves_no_scope),
    cmocka_unit_test(the_runtime_may_have_copied_the_interface),
    cmocka_unit_test(the_observer_is_told),
    cmocka_unit_test(each_operation_has_an_account),
    cmocka_unit_test(faults_and_exceeded_budgets_are_counted),
    cmocka_unit_test(what_is_no_server_is_refused),
    cmocka_unit_test(so_is_one_with_several_syntaxes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
