/* sa_scoped_interface: what the entries do around a stub, called as FreeDCE calls them. */
#include "counts.h"

#include <errno.h>
#include <string.h>

#include <dce/rpc.h>

#include <dce/dcethread.h>
#include <dce/rpcexc.h>
#include <dce/stubbase.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpc.h>

enum { OPERATIONS = 5 };

/* Instead of the runtime's: there is no call behind a handle here, and no second fragment. What
 * becomes of those, hostile.sh shows with real ones. */
void
rpc_call_receive(rpc_call_handle_t handle, rpc_iovector_elt_t *fragment, unsigned32 *status)
{
  (void)handle;
  fragment->data_addr = NULL;
  fragment->buff_dealloc = NULL;
  *status = rpc_s_ok;
}

/* What the stubs saw. */
static sa_scope     *scope_of_call;
static int           called;
static rpc_mgr_epv_t manager_of_call;
static idl_size_t    size_wanted = 100;

static void
stub(int number, rpc_mgr_epv_t manager, unsigned32 *status)
{
  scope_of_call = sa_scope_current();
  manager_of_call = manager;
  called = number;
  *status = rpc_s_ok;
}

#define STUB_PARAMETERS                                                                            \
  handle_t binding, rpc_call_handle_t call, rpc_iovector_elt_p_t input, ndr_format_p_t format,     \
    rpc_transfer_syntax_p_t syntax, rpc_mgr_epv_t manager, unsigned32 *status

static void
returns(STUB_PARAMETERS)
{
  (void)binding, (void)call, (void)input, (void)format, (void)syntax;
  stub(0, manager, status);
  assert_non_null(midl_user_allocate(size_wanted));
}

static void
raises(STUB_PARAMETERS)
{
  (void)binding, (void)call, (void)input, (void)format, (void)syntax;
  stub(1, manager, status);
  DCETHREAD_RAISE(rpc_x_no_memory);
}

static void
asks_for_too_much(STUB_PARAMETERS)
{
  (void)binding, (void)call, (void)input, (void)format, (void)syntax;
  stub(2, manager, status);
  assert_null(midl_user_allocate(MIB));
}

static void
is_cancelled(STUB_PARAMETERS)
{
  (void)binding, (void)call, (void)input, (void)format, (void)syntax;
  stub(3, manager, status);
  dcethread_interrupt(dcethread_self());
  dcethread_checkinterrupt();
}

static char *kept;

static void
keeps(STUB_PARAMETERS)
{
  (void)binding, (void)call, (void)input, (void)format, (void)syntax;
  stub(4, manager, status);
  char *block = midl_user_allocate(100);
  strcpy(block, "kept");
  kept = sa_scope_keep(block);
}

static rpc_v2_server_stub_proc_t stubs[OPERATIONS] = {returns, raises, asks_for_too_much,
                                                      is_cancelled, keeps};
static rpc_if_rep_t              server = {.opcnt = OPERATIONS, .server_epv = stubs};
static const sa_scope_options    budget = {.budget = 64 * KIB};

static void
call(sa_if_handle ifspec, unsigned operation, rpc_mgr_epv_t manager)
{
  unsigned32          status = rpc_s_fault_unspec;
  rpc_iovector_elt_t  input = {0};
  const rpc_if_rep_t *rep = ifspec;
  rep->server_epv[operation](NULL, NULL, &input, NULL, NULL, manager, &status);
  assert_int_equal(status, rpc_s_ok);
}

static void
each_call_has_a_scope_of_its_own(void **state)
{
  (void)state;
  rpc_mgr_proc_t managers[OPERATIONS] = {NULL};
  sa_if_handle   scoped = sa_scoped_interface(&server, NULL);
  assert_non_null(scoped);
  call(scoped, 0, managers);
  assert_non_null(scope_of_call);
  assert_ptr_equal(manager_of_call, managers);
  assert_null(sa_scope_current());
}

static void
two_interfaces_do_not_meet(void **state)
{
  (void)state;
  sa_if_handle one = sa_scoped_interface(&server, &budget);
  sa_if_handle other = sa_scoped_interface(&server, NULL);
  call(one, 2, NULL);
  assert_int_equal(called, 2);
  call(other, 0, NULL);
  assert_int_equal(called, 0);
}

/* Whether a scoped call of the operation raises `expected`. */
static int
call_raises(unsigned operation, dcethread_exc *expected)
{
  sa_if_handle scoped = sa_scoped_interface(&server, NULL);
  volatile int matches = 0;
  scope_of_call = NULL;
  DCETHREAD_TRY
  {
    call(scoped, operation, NULL);
  }
  DCETHREAD_CATCH_ALL(raised)
  {
    matches = dcethread_exc_matches(raised, expected);
  }
  DCETHREAD_ENDTRY
  return matches;
}

static void
a_raise_leaves_no_scope(void **state)
{
  (void)state;
  assert_true(call_raises(1, &rpc_x_no_memory));
  assert_non_null(scope_of_call);
  assert_null(sa_scope_current());
}

static void
a_cancel_leaves_no_scope(void **state)
{
  (void)state;
  assert_true(call_raises(3, &dcethread_interrupt_e));
  assert_non_null(scope_of_call);
  assert_null(sa_scope_current());
}

static unsigned              observed_operation;
static struct sa_scope_stats observed;

static void
observer(sa_if_handle ifspec, unsigned operation, const struct sa_scope_stats *stats)
{
  assert_ptr_equal(ifspec, &server);
  assert_ptr_equal(sa_scope_current(), scope_of_call);
  observed_operation = operation;
  observed = *stats;
}

static void
the_observer_is_told(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, &budget);
  sa_observe_calls(observer);
  call(scoped, 0, NULL);
  assert_int_equal(observed_operation, 0);
  assert_int_equal(observed.blocks, 1);
  call(scoped, 2, NULL);
  assert_int_equal(observed_operation, 2);
  assert_int_equal(observed.over_budget, 1);
  sa_observe_calls(NULL);
  call(scoped, 0, NULL);
  assert_int_equal(observed_operation, 2);
}

/* --- accounts --------------------------------------------------------------------------------- */

static void
each_operation_has_an_account(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, &(sa_scope_options){.name = "accounted"});
  for (int i = 0; i < 3; i++)
    call(scoped, 0, NULL);
  sa_operation_stats account = account_of("accounted", 0);
  assert_int_equal(account.calls, 3);
  assert_int_equal(account.faults, 0);
  assert_int_equal(account.over_budget, 0);
  assert_int_equal(account.blocks, 3);
  assert_int_equal(account.bytes, 3 * (is_hardened() ? 100 : 112));
  assert_int_equal(account.reserved[0], 0);
  assert_true(account.mean >= 112 && account.mean == account.peak);
  assert_true(account.longest > 0 && account.longest <= account.nanoseconds);
  assert_int_equal(account_of("accounted", 1).calls, 0);
}

static void
the_mean_is_that_of_what_the_calls_held_at_most(void **state)
{
  (void)state;
  sa_if_handle scoped = sa_scoped_interface(&server, &(sa_scope_options){.name = "unequal"});
  call(scoped, 0, NULL);
  size_t little = account_of("unequal", 0).peak;
  size_wanted = MIB;
  call(scoped, 0, NULL);
  size_wanted = 100;
  size_t much = account_of("unequal", 0).peak;
  assert_true(much >= MIB && little < MIB);
  assert_int_equal(account_of("unequal", 0).mean, (little + much) / 2);
}

static void
faults_and_exceeded_budgets_are_counted(void **state)
{
  (void)state;
  const sa_scope_options options = {.name = "refused", .budget = 64 * KIB};
  sa_if_handle           scoped = sa_scoped_interface(&server, &options);
  call(scoped, 2, NULL);
  assert_int_equal(account_of("refused", 2).over_budget, 1);
  assert_int_equal(account_of("refused", 2).faults, 0);
  for (volatile int i = 0; i < 2; i++) {
    DCETHREAD_TRY
    {
      call(scoped, 1, NULL);
    }
    DCETHREAD_CATCH_ALL(raised)
    {
      assert_true(dcethread_exc_matches(raised, &rpc_x_no_memory));
    }
    DCETHREAD_ENDTRY
  }
  assert_int_equal(account_of("refused", 1).calls, 2);
  assert_int_equal(account_of("refused", 1).faults, 2);
}

static void
what_is_kept_outlives_the_call(void **state)
{
  (void)state;
  call(sa_scoped_interface(&server, NULL), 4, NULL);
  assert_null(sa_scope_current());
  assert_string_equal(kept, "kept");
  midl_user_free(kept);
}

static void
the_options_are_copied(void **state)
{
  (void)state;
  sa_scope_options options = budget;
  sa_if_handle     scoped = sa_scoped_interface(&server, &options);
  options.budget = 0;
  call(scoped, 2, NULL); /* which must be refused what is over the budget */
}

static void
what_is_no_server_is_refused(void **state)
{
  (void)state;
  rpc_if_rep_t client = {.opcnt = OPERATIONS};
  errno = 0;
  assert_null(sa_scoped_interface(&client, NULL));
  assert_int_equal(errno, EINVAL);
  assert_null(sa_scoped_interface(NULL, NULL));
}

/* The last test, since nothing gives them back. */
static void
entries_run_out(void **state)
{
  (void)state;
  int interfaces = 0;
  errno = 0;
  while (interfaces < 1024 && sa_scoped_interface(&server, NULL))
    interfaces++;
  assert_in_range(interfaces, 190, 1024 / OPERATIONS);
  assert_int_equal(errno, ENOMEM);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_call_has_a_scope_of_its_own),
    cmocka_unit_test(two_interfaces_do_not_meet),
    cmocka_unit_test(a_raise_leaves_no_scope),
    cmocka_unit_test(a_cancel_leaves_no_scope),
    cmocka_unit_test(the_observer_is_told),
    cmocka_unit_test(what_is_kept_outlives_the_call),
    cmocka_unit_test(the_options_are_copied),
    cmocka_unit_test(each_operation_has_an_account),
    cmocka_unit_test(the_mean_is_that_of_what_the_calls_held_at_most),
    cmocka_unit_test(faults_and_exceeded_budgets_are_counted),
    cmocka_unit_test(what_is_no_server_is_refused),
    cmocka_unit_test(entries_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
