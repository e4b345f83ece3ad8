/* Threads' ends on Windows, however the threads were made; with the library as DLL and in the program.
 * SPDX-License-Identifier: MIT */
#include "unit.h"

#include <process.h>
#include <pthread.h>
#include <windows.h>

/* A scope that a thread enters, and what that is charged to. */
struct entered {
  sa_scope *around;
  sa_scope *scope;
};

static void
enter_for_good(struct entered *entered)
{
  sa_scope_enter(entered->around);
  entered->scope = sa_scope_create(NULL);
  sa_scope_enter(entered->scope);
  sa_free(sa_scope_alloc(entered->scope, 100));
}

/* As long as its thread is inside, a scope that another one destroys stays. */
static void
left_by_a_thread_of(void (*run)(struct entered *))
{
  struct sa_scope_stats stats;
  struct entered        entered = {sa_scope_create(&(sa_scope_options){.budget = MIB}), NULL};
  run(&entered);
  assert_non_null(entered.scope);
  sa_scope_destroy(entered.scope);
  sa_scope_get_stats(entered.around, &stats);
  assert_int_equal(stats.held, 0);
  sa_scope_destroy(entered.around);
}

static void
join(HANDLE thread)
{
  assert_non_null(thread);
  assert_int_equal(WaitForSingleObject(thread, INFINITE), WAIT_OBJECT_0);
  CloseHandle(thread);
}

static DWORD WINAPI
returns(void *entered)
{
  enter_for_good(entered);
  return 0;
}

static void
run_by_CreateThread(struct entered *entered)
{
  join(CreateThread(NULL, 0, returns, entered, 0, NULL));
}

static void
a_thread_of_CreateThread_leaves_its_scopes(void **state)
{
  (void)state;
  left_by_a_thread_of(run_by_CreateThread);
}

static DWORD WINAPI
exits(void *entered)
{
  enter_for_good(entered);
  ExitThread(0);
}

static void
run_to_ExitThread(struct entered *entered)
{
  join(CreateThread(NULL, 0, exits, entered, 0, NULL));
}

static void
so_does_one_that_calls_ExitThread(void **state)
{
  (void)state;
  left_by_a_thread_of(run_to_ExitThread);
}

static unsigned __stdcall returns_to_the_c_library(void *entered)
{
  enter_for_good(entered);
  return 0;
}

static void
run_by_beginthreadex(struct entered *entered)
{
  join((HANDLE)_beginthreadex(NULL, 0, returns_to_the_c_library, entered, 0, NULL));
}

static void
and_one_of_the_C_library(void **state)
{
  (void)state;
  left_by_a_thread_of(run_by_beginthreadex);
}

static void *
returns_to_winpthreads(void *entered)
{
  enter_for_good(entered);
  return NULL;
}

static void
run_by_pthread_create(struct entered *entered)
{
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, returns_to_winpthreads, entered), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
and_one_of_winpthreads(void **state)
{
  (void)state;
  left_by_a_thread_of(run_by_pthread_create);
}

static DWORD WINAPI
does_nothing(void *unused)
{
  (void)unused;
  return 0;
}

static void
a_thread_that_never_allocates_may_end(void **state)
{
  (void)state;
  join(CreateThread(NULL, 0, does_nothing, NULL, 0, NULL));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_thread_of_CreateThread_leaves_its_scopes),
    cmocka_unit_test(so_does_one_that_calls_ExitThread),
    cmocka_unit_test(and_one_of_the_C_library),
    cmocka_unit_test(and_one_of_winpthreads),
    cmocka_unit_test(a_thread_that_never_allocates_may_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
