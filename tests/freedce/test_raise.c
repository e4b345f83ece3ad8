/* With FreeDCE, RpcSs* raise its exceptions, and its stubs' functions have 32-bit sizes. */
#include "unit.h"

#include <dce/rpc.h>

#include <dce/dcethread.h>
#include <dce/rpcexc.h>
#include <dce/stubbase.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpc.h>
#include <stuballoc/rpcss.h>

static const sa_scope_options small = {.name = "small", .budget = 64 * KIB};

/* Whether `code` raises `expected`. */
static int
raises(void (*code)(void), dcethread_exc *expected)
{
  volatile int matches = 0;
  DCETHREAD_TRY
  {
    code();
  }
  DCETHREAD_CATCH_ALL(raised)
  {
    matches = dcethread_exc_matches(raised, expected);
  }
  DCETHREAD_ENDTRY
  return matches;
}

static void
allocate_nowhere(void)
{
  RpcSsAllocate(16);
}

static void
allocate_too_much(void)
{
  SA_SCOPED(&small);
  RpcSsAllocate(MIB);
}

static void
destroy_no_context(void)
{
  void *none = NULL;
  (RpcSsDestroyClientContext)(&none);
}

static void
each_failure_has_its_exception(void **state)
{
  (void)state;
  assert_true(raises(allocate_nowhere, &rpc_x_invalid_arg));
  assert_true(raises(destroy_no_context, &rpc_x_ss_context_mismatch));
  assert_false(raises(destroy_no_context, &rpc_x_no_memory));
}

static void
an_exception_leaves_no_scope(void **state)
{
  (void)state;
  sa_scope *around = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(around), 0);
  assert_true(raises(allocate_too_much, &rpc_x_no_memory));
  sa_scope_leave(around);
  assert_null(sa_scope_current());
  sa_scope_destroy(around);
}

static void
the_upper_half_of_a_size_is_ignored(void **state)
{
  (void)state;
  /* as a stub calls it, which leaves anything at all in the upper half of the register */
  void *(*as_compiled)(uint64_t) = (void *(*)(uint64_t))(void (*)(void))midl_user_allocate;
  void *block = as_compiled(UINT64_C(0xdeadbeef00000020));
  assert_non_null(block);
  assert_true(sa_usable_size(block) < KIB);
  midl_user_free(block);
}

/* What an OSF-mode stub does: it asks the runtime for the thread's pair. */
static void
client_stubs_use_the_scope(void **state)
{
  (void)state;
  rpc_ss_p_alloc_t allocate, ours;
  rpc_ss_p_free_t  release, our_release;
  sa_attach_client();
  rpc_ss_swap_client_alloc_free(NULL, NULL, &ours, &our_release);
  rpc_ss_swap_client_alloc_free(ours, our_release, &allocate, &release);
  assert_null(allocate);
  SA_SCOPED(NULL);
  struct sa_scope_stats stats;
  void                 *block = ours(NULL, 100);
  sa_scope_get_stats(sa_scope_current(), &stats);
  assert_int_equal(stats.blocks, 1);
  rpc_ss_client_free(block);
  sa_scope_get_stats(sa_scope_current(), &stats);
  assert_int_equal(stats.blocks, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_failure_has_its_exception),
    cmocka_unit_test(an_exception_leaves_no_scope),
    cmocka_unit_test(the_upper_half_of_a_size_is_ignored),
    cmocka_unit_test(client_stubs_use_the_scope),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
