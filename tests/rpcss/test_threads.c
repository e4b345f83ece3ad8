/* RpcSsGetThreadHandle, RpcSmGetThreadHandle, RpcSsSetThreadHandle, RpcSmSetThreadHandle.
 * SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* --- Get -------------------------------------------------------------------------------------- */

static void
Get_returns_NULL_and_OK_without_an_environment(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_INVALID_ARG;
  assert_null(RpcSsGetThreadHandle());
  assert_null(RpcSmGetThreadHandle(&status));
  assert_int_equal(status, RPC_S_OK);
  assert_int_equal(raised, RPC_S_OK);
}

static void
Get_returns_the_handle_of_the_environment(void **state)
{
  (void)state;
  RPC_STATUS status = RPC_S_INVALID_ARG;
  RpcSsEnableAllocate();
  assert_non_null(RpcSsGetThreadHandle());
  assert_ptr_equal(RpcSmGetThreadHandle(&status), RpcSsGetThreadHandle());
  assert_int_equal(status, RPC_S_OK);
  RpcSsDisableAllocate();
}

static void
Get_returns_the_handle_of_the_environment_that_the_stub_established(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  assert_ptr_equal(RpcSsGetThreadHandle(), scope);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

static void
SmGet_without_a_place_for_the_status_returns_the_handle(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  assert_ptr_equal(RpcSmGetThreadHandle(NULL), RpcSsGetThreadHandle());
  RpcSsDisableAllocate();
}

/* --- Set, in a helper thread ------------------------------------------------------------------ */

/* What a helper and its parent tell each other. */
struct helper {
  RPC_SS_THREAD_HANDLE handle;
  bool                 sm;
  void                *from_parent;
  void                *from_helper;
  RPC_SS_THREAD_HANDLE seen;
  RPC_STATUS           status;
};

static void
set_handle(struct helper *helper)
{
  if (helper->sm)
    helper->status = RpcSmSetThreadHandle(helper->handle);
  else
    RpcSsSetThreadHandle(helper->handle);
}

static void *
work_in_handle(void *argument)
{
  struct helper *helper = argument;
  set_handle(helper);
  helper->seen = RpcSsGetThreadHandle();
  RpcSsFree(helper->from_parent);
  helper->from_helper = RpcSsAllocate(100);
  if (helper->from_helper)
    fill(helper->from_helper, 100, 7);
  return NULL;
}

static void
help(bool sm)
{
  struct helper helper = {.sm = sm, .status = RPC_S_OK};
  RpcSsEnableAllocate();
  helper.handle = RpcSsGetThreadHandle();
  helper.from_parent = RpcSsAllocate(100);
  in_thread(work_in_handle, &helper);
  assert_int_equal(helper.status, RPC_S_OK);
  assert_ptr_equal(helper.seen, helper.handle);
  assert_non_null(helper.from_helper);
  assert_true(is_filled(helper.from_helper, 100, 7));
  RpcSsFree(helper.from_helper);
  assert_int_equal(raised, RPC_S_OK);
  RpcSsDisableAllocate();
}

static void
threads_that_SsSet_the_handle_manage_the_same_memory(void **state)
{
  (void)state;
  help(false);
}

static void
threads_that_SmSet_the_handle_manage_the_same_memory(void **state)
{
  (void)state;
  help(true);
}

static void *
take_helped(void *argument)
{
  struct helper *helper = argument;
  set_handle(helper);
  helper->from_helper = midl_user_allocate(100);
  return NULL;
}

static void
a_stub_in_a_thread_that_set_the_handle_allocates_there(void **state)
{
  (void)state;
  struct helper         helper = {.sm = false};
  struct sa_scope_stats stats;
  RpcSsEnableAllocate();
  helper.handle = RpcSsGetThreadHandle();
  in_thread(take_helped, &helper);
  assert_non_null(helper.from_helper);
  sa_scope_get_stats(helper.handle, &stats);
  assert_int_equal(stats.blocks, 1);
  RpcSsFree(helper.from_helper);
  sa_scope_get_stats(helper.handle, &stats);
  assert_int_equal(stats.blocks, 0);
  RpcSsDisableAllocate();
}

static void *
set_and_set_null(void *argument)
{
  struct helper *helper = argument;
  set_handle(helper);
  RpcSsSetThreadHandle(NULL);
  helper->seen = RpcSsGetThreadHandle();
  helper->from_helper = RpcSmAllocate(100, &helper->status);
  return NULL;
}

static void
Set_with_NULL_leaves_the_environment(void **state)
{
  (void)state;
  struct helper helper = {.status = RPC_S_OK};
  RpcSsEnableAllocate();
  helper.handle = RpcSsGetThreadHandle();
  in_thread(set_and_set_null, &helper);
  assert_null(helper.seen);
  assert_null(helper.from_helper);
  assert_int_equal(helper.status, RPC_S_INVALID_ARG);
  /* the parent is still in it */
  assert_ptr_equal(RpcSsGetThreadHandle(), helper.handle);
  RpcSsDisableAllocate();
}

/* A helper that is called for one environment after the other. */
struct rounds {
  pthread_barrier_t    set, left;
  RPC_SS_THREAD_HANDLE handle;
};

enum { MANY = 20 };

static void *
set_and_leave_many(void *argument)
{
  struct rounds *rounds = argument;
  for (unsigned i = 0; i < MANY; i++) {
    pthread_barrier_wait(&rounds->set);
    RpcSsSetThreadHandle(rounds->handle);
    RpcSsSetThreadHandle(NULL);
    pthread_barrier_wait(&rounds->left);
  }
  return NULL;
}

static void
Set_with_NULL_does_not_keep_what_the_Disable_frees(void **state)
{
  (void)state;
  struct rounds rounds;
  pthread_t     helper;
  sa_scope     *around = enter_budget(1 * MIB);
  pthread_barrier_init(&rounds.set, NULL, 2);
  pthread_barrier_init(&rounds.left, NULL, 2);
  assert_int_equal(pthread_create(&helper, NULL, set_and_leave_many, &rounds), 0);
  for (unsigned i = 0; i < MANY; i++) {
    RpcSsEnableAllocate();
    rounds.handle = RpcSsGetThreadHandle();
    RpcSsAllocate(100 * KIB);
    pthread_barrier_wait(&rounds.set);
    pthread_barrier_wait(&rounds.left);
    RpcSsDisableAllocate();
  }
  pthread_join(helper, NULL);
  assert_int_equal(raised, RPC_S_OK);
  pthread_barrier_destroy(&rounds.set);
  pthread_barrier_destroy(&rounds.left);
  leave_budget(around);
}

static void *
set_disable_and_look(void *argument)
{
  struct helper *helper = argument;
  set_handle(helper);
  RpcSsDisableAllocate();
  helper->seen = RpcSsGetThreadHandle();
  return NULL;
}

static void
Disable_in_a_thread_that_only_set_the_handle_does_nothing(void **state)
{
  (void)state;
  struct helper helper = {.sm = false};
  RpcSsEnableAllocate();
  helper.handle = RpcSsGetThreadHandle();
  void *block = RpcSsAllocate(100);
  fill(block, 100, 1);
  in_thread(set_disable_and_look, &helper);
  assert_ptr_equal(helper.seen, helper.handle);
  assert_true(is_filled(block, 100, 1));
  RpcSsDisableAllocate();
}

/* --- Set, to save and restore ----------------------------------------------------------------- */

static void
Get_and_Set_save_and_restore_an_environment(void **state)
{
  (void)state;
  sa_scope *other = sa_scope_create(NULL);
  RpcSsEnableAllocate();
  RPC_SS_THREAD_HANDLE saved = RpcSsGetThreadHandle();
  for (unsigned i = 0; i < 3; i++) {
    RpcSsSetThreadHandle(other);
    assert_ptr_equal(RpcSsGetThreadHandle(), other);
    assert_int_equal(RpcSmSetThreadHandle(saved), RPC_S_OK);
    assert_ptr_equal(RpcSsGetThreadHandle(), saved);
  }
  RpcSsDisableAllocate();
  assert_null(sa_scope_current());
  sa_scope_destroy(other);
}

static void
Get_and_Set_save_and_restore_the_environment_that_the_stub_established(void **state)
{
  (void)state;
  sa_scope *call = sa_scope_create(NULL), *other = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(call), 0);
  RPC_SS_THREAD_HANDLE saved = RpcSsGetThreadHandle();
  RpcSsSetThreadHandle(other);
  RpcSsSetThreadHandle(saved);
  /* which the stub may leave as if nothing had been */
  sa_scope_leave(call);
  assert_null(sa_scope_current());
  sa_scope_destroy(call);
  sa_scope_destroy(other);
}

static void
Get_and_Set_save_and_restore_that_there_is_no_environment(void **state)
{
  (void)state;
  sa_scope            *other = sa_scope_create(NULL);
  RPC_SS_THREAD_HANDLE saved = RpcSsGetThreadHandle();
  RpcSsSetThreadHandle(other);
  RpcSsSetThreadHandle(saved);
  assert_null(RpcSsGetThreadHandle());
  sa_scope_destroy(other);
}

static void
Set_with_NULL_hides_an_environment_until_its_handle_is_set_again(void **state)
{
  (void)state;
  RPC_STATUS status;
  RpcSsEnableAllocate();
  RPC_SS_THREAD_HANDLE saved = RpcSsGetThreadHandle();
  RpcSsSetThreadHandle(NULL);
  assert_null(RpcSsGetThreadHandle());
  assert_null(RpcSmAllocate(100, &status));
  assert_int_equal(status, RPC_S_INVALID_ARG);
  void *kept = midl_user_allocate(100);
  RpcSsSetThreadHandle(saved);
  assert_non_null(RpcSsAllocate(100));
  RpcSsDisableAllocate();
  fill(kept, 100, 1);
  midl_user_free(kept);
}

static void
Set_with_NULL_hides_no_budget(void **state)
{
  (void)state;
  RPC_STATUS status;
  sa_scope  *around = enter_budget(1 * MIB);
  RpcSsSetThreadHandle(NULL);
  RpcSsEnableAllocate();
  assert_null(RpcSmAllocate(2 * MIB, &status));
  assert_int_equal(status, RPC_S_OUT_OF_MEMORY);
  RpcSsDisableAllocate();
  RpcSsSetThreadHandle(around);
  leave_budget(around);
}

static void
Disable_ends_an_environment_that_is_hidden(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  RpcSsSetThreadHandle(NULL);
  RpcSsDisableAllocate();
  assert_null(RpcSsGetThreadHandle());
  RpcSsEnableAllocate();
  assert_non_null(RpcSsAllocate(100));
  RpcSsDisableAllocate();
}

static void
Disable_ends_the_last_Enable_whichever_handle_is_set(void **state)
{
  (void)state;
  RpcSsEnableAllocate();
  RPC_SS_THREAD_HANDLE outer = RpcSsGetThreadHandle();
  char                *block = RpcSsAllocate(100);
  fill(block, 100, 1);
  RpcSsEnableAllocate();
  RpcSsSetThreadHandle(outer);
  RpcSsDisableAllocate();
  assert_ptr_equal(RpcSsGetThreadHandle(), outer);
  assert_true(is_filled(block, 100, 1));
  RpcSsDisableAllocate();
  assert_null(RpcSsGetThreadHandle());
}

static void
Set_takes_the_place_of_the_Set_before(void **state)
{
  (void)state;
  enum { TIMES = 1000 };
  sa_scope *one = sa_scope_create(NULL), *other = sa_scope_create(NULL);
  for (unsigned i = 0; i < TIMES; i++) {
    RpcSsSetThreadHandle(one);
    assert_ptr_equal(RpcSsGetThreadHandle(), one);
    RpcSsSetThreadHandle(other);
    assert_ptr_equal(RpcSsGetThreadHandle(), other);
  }
  /* one Set with NULL undoes them all */
  RpcSsSetThreadHandle(NULL);
  assert_null(RpcSsGetThreadHandle());
  sa_scope_destroy(one);
  sa_scope_destroy(other);
}

/* --- the ends of threads and environments ----------------------------------------------------- */

/* Threads that meet twice: the parent disables between. */
struct meeting {
  pthread_barrier_t    inside, over;
  RPC_SS_THREAD_HANDLE handle;
  _Atomic unsigned     wrong;
};

static void *
outlast(void *argument)
{
  struct meeting *meeting = argument;
  RpcSsSetThreadHandle(meeting->handle);
  char *before = RpcSsAllocate(1000);
  if (before)
    fill(before, 1000, 1);
  pthread_barrier_wait(&meeting->inside);
  pthread_barrier_wait(&meeting->over);
  char *after = RpcSsAllocate(100 * KIB);
  if (!before || !after || !is_filled(before, 1000, 1))
    meeting->wrong++;
  else
    fill(after, 100 * KIB, 2);
  RpcSsFree(before);
  return NULL;
}

enum { HELPERS = 4 };

static void
meet_around_a_disable(void *(*helper)(void *), unsigned number)
{
  struct meeting meeting = {.wrong = 0};
  pthread_t      helpers[HELPERS];
  pthread_barrier_init(&meeting.inside, NULL, number + 1);
  pthread_barrier_init(&meeting.over, NULL, number + 1);
  RpcSsEnableAllocate();
  meeting.handle = RpcSsGetThreadHandle();
  for (unsigned i = 0; i < number; i++)
    assert_int_equal(pthread_create(&helpers[i], NULL, helper, &meeting), 0);
  pthread_barrier_wait(&meeting.inside);
  RpcSsDisableAllocate();
  pthread_barrier_wait(&meeting.over);
  for (unsigned i = 0; i < number; i++)
    pthread_join(helpers[i], NULL);
  assert_int_equal(meeting.wrong, 0);
  assert_int_equal(raised, RPC_S_OK);
  pthread_barrier_destroy(&meeting.inside);
  pthread_barrier_destroy(&meeting.over);
}

static void
a_helper_may_go_on_after_the_Disable(void **state)
{
  (void)state;
  meet_around_a_disable(outlast, HELPERS);
}

static void *
set_again(void *argument)
{
  struct meeting *meeting = argument;
  RpcSsSetThreadHandle(meeting->handle);
  pthread_barrier_wait(&meeting->inside);
  pthread_barrier_wait(&meeting->over);
  RpcSsSetThreadHandle(meeting->handle);
  if (RpcSsGetThreadHandle() != meeting->handle || !RpcSsAllocate(100))
    meeting->wrong++;
  return NULL;
}

/* Not even that this thread is now the last one in it. */
static void
Set_of_the_handle_that_is_set_changes_nothing(void **state)
{
  (void)state;
  meet_around_a_disable(set_again, 1);
}

static void *
set_and_exit(void *handle)
{
  RpcSsSetThreadHandle(handle);
  return RpcSsAllocate(100 * KIB);
}

static void
a_thread_that_exits_leaves_the_environment(void **state)
{
  (void)state;
  sa_scope *around = enter_budget(1 * MIB);
  for (unsigned i = 0; i < 100; i++) {
    RpcSsEnableAllocate();
    in_thread(set_and_exit, RpcSsGetThreadHandle());
    RpcSsDisableAllocate();
    assert_int_equal(raised, RPC_S_OK);
  }
  leave_budget(around);
}

enum { CROWD = 4, ROUNDS = 2000 };

static void *
allocate_in_a_crowd(void *handle)
{
  void *kept[16] = {NULL};
  RpcSsSetThreadHandle(handle);
  for (unsigned i = 0; i < ROUNDS; i++) {
    RpcSsFree(kept[i % 16]);
    kept[i % 16] = RpcSsAllocate(16 + i % 500);
    if (!kept[i % 16])
      return handle;
    fill(kept[i % 16], 16 + i % 500, i);
  }
  for (unsigned i = ROUNDS - 16; i < ROUNDS; i++)
    if (!is_filled(kept[i % 16], 16 + i % 500, i))
      return handle;
  RpcSsSetThreadHandle(NULL);
  return NULL;
}

static void
many_threads_allocate_in_one_environment_at_once(void **state)
{
  (void)state;
  pthread_t threads[CROWD];
  void     *wrong;
  RpcSsEnableAllocate();
  for (unsigned i = 0; i < CROWD; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, allocate_in_a_crowd, RpcSsGetThreadHandle()),
                     0);
  for (unsigned i = 0; i < CROWD; i++) {
    pthread_join(threads[i], &wrong);
    assert_null(wrong);
  }
  RpcSsDisableAllocate();
}

/* --- handles that are none -------------------------------------------------------------------- */

static void
set_wrong(void *handle)
{
  RpcSsSetThreadHandle(handle);
}

static void
a_handle_that_is_no_scope_is_said(void **state)
{
  (void)state;
  _Alignas(64) char on_stack[256] = "";
  void             *block = sa_malloc(1000), *of_malloc = malloc(1000);
  void *const       wrong[] = {on_stack, block, of_malloc, (void *)16, (char *)block + 64};
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct child child = child_run(set_wrong, wrong[i]);
    assert_aborted_saying(&child, " of ");
  }
  sa_free(block);
  free(of_malloc);
}

static void
set_stale(void *unused)
{
  (void)unused;
  RpcSsEnableAllocate();
  RPC_SS_THREAD_HANDLE handle = RpcSsGetThreadHandle();
  RpcSsDisableAllocate();
  RpcSsSetThreadHandle(handle);
}

static void
a_handle_whose_environment_was_disabled_is_said(void **state)
{
  (void)state;
  struct child child = child_run(set_stale, NULL);
  assert_aborted_saying(&child, " of ");
}

/* Where misuse is only reported; the program itself, started anew. */
static int
go_on_after_wrong_handles(void)
{
  char wrong[64] = "";
  RpcSsEnableAllocate();
  RPC_SS_THREAD_HANDLE outer = RpcSsGetThreadHandle();
  sa_scope            *other = sa_scope_create(NULL);
  RpcSsSetThreadHandle(other);
  if (RpcSmSetThreadHandle(wrong) != RPC_S_INVALID_ARG || RpcSsGetThreadHandle() != other)
    return 1;
  RpcSsSetThreadHandle(wrong);
  if (raised != RPC_S_INVALID_ARG || RpcSsGetThreadHandle() != other)
    return 2;
  RpcSsSetThreadHandle(outer);
  RpcSsDisableAllocate();
  sa_scope_destroy(other);
  return sa_scope_current() ? 3 : 0;
}

static void
where_misuse_is_reported_a_wrong_handle_is_an_INVALID_ARG_and_changes_nothing(void **state)
{
  (void)state;
  struct child child = child_rerun("wrong handles", "on_misuse=report");
  assert_int_equal(child.status, 0);
  assert_int_equal(count_lines(child.said), 2);
}

/* --- no memory -------------------------------------------------------------------------------- */

static void *
create_here(void *scopes)
{
  for (unsigned i = 0; i < 2; i++)
    ((sa_scope **)scopes)[i] = sa_scope_create(NULL);
  return NULL;
}

/* The scopes are another thread's, so this one needs memory to be in them. */
static void
set_without_memory(void *scopes)
{
  sa_scope **scope = scopes;
  RpcSsSetThreadHandle(scope[0]);
  exhaust_memory();
  if (RpcSmSetThreadHandle(scope[1]) != RPC_S_OUT_OF_MEMORY || RpcSsGetThreadHandle() != scope[0])
    exit(1);
  RpcSsSetThreadHandle(scope[1]);
  if (raised != RPC_S_OUT_OF_MEMORY || RpcSsGetThreadHandle() != scope[0])
    exit(2);
  /* one that needs none */
  if (RpcSmSetThreadHandle(NULL) != RPC_S_OK || RpcSsGetThreadHandle())
    exit(3);
}

static void
Set_returns_OUT_OF_MEMORY_and_changes_nothing_when_there_is_none(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS();
  sa_scope *scopes[2];
  in_thread(create_here, scopes);
  struct child child = child_run(set_without_memory, scopes);
  assert_int_equal(child.status, 0);
  sa_scope_destroy(scopes[0]);
  sa_scope_destroy(scopes[1]);
}

int
main(int argc, char **argv)
{
  (void)argv;
  if (argc > 1)
    return note_raised(NULL) || go_on_after_wrong_handles();
  const struct CMUnitTest tests[] = {
    rpcss_test(Get_returns_NULL_and_OK_without_an_environment),
    rpcss_test(Get_returns_the_handle_of_the_environment),
    rpcss_test(Get_returns_the_handle_of_the_environment_that_the_stub_established),
    rpcss_test(SmGet_without_a_place_for_the_status_returns_the_handle),
    rpcss_test(threads_that_SsSet_the_handle_manage_the_same_memory),
    rpcss_test(threads_that_SmSet_the_handle_manage_the_same_memory),
    rpcss_test(a_stub_in_a_thread_that_set_the_handle_allocates_there),
    rpcss_test(Set_with_NULL_leaves_the_environment),
    rpcss_test(Set_with_NULL_does_not_keep_what_the_Disable_frees),
    rpcss_test(Disable_in_a_thread_that_only_set_the_handle_does_nothing),
    rpcss_test(Get_and_Set_save_and_restore_an_environment),
    rpcss_test(Get_and_Set_save_and_restore_the_environment_that_the_stub_established),
    rpcss_test(Get_and_Set_save_and_restore_that_there_is_no_environment),
    rpcss_test(Set_with_NULL_hides_an_environment_until_its_handle_is_set_again),
    rpcss_test(Set_with_NULL_hides_no_budget),
    rpcss_test(Disable_ends_an_environment_that_is_hidden),
    rpcss_test(Disable_ends_the_last_Enable_whichever_handle_is_set),
    rpcss_test(Set_takes_the_place_of_the_Set_before),
    rpcss_test(Set_of_the_handle_that_is_set_changes_nothing),
    rpcss_test(a_helper_may_go_on_after_the_Disable),
    rpcss_test(a_thread_that_exits_leaves_the_environment),
    rpcss_test(many_threads_allocate_in_one_environment_at_once),
    rpcss_test(a_handle_that_is_no_scope_is_said),
    rpcss_test(a_handle_whose_environment_was_disabled_is_said),
    rpcss_test(where_misuse_is_reported_a_wrong_handle_is_an_INVALID_ARG_and_changes_nothing),
    rpcss_test(Set_returns_OUT_OF_MEMORY_and_changes_nothing_when_there_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
