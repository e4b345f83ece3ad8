/* What becomes of scopes when there is no memory. SPDX-License-Identifier: MIT */
#include "scope_test.h"

static void *
create(void *unused)
{
  (void)unused;
  return sa_scope_create(NULL);
}

static void
enter_without_memory(void *scope)
{
  exhaust_memory();
  errno = 0;
  if (sa_scope_enter(scope) != -1 || errno != ENOMEM)
    exit(1);
  if (sa_scope_current())
    exit(2);
}

static void
enter_needs_memory_where_another_thread_created_the_scope(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS();
  sa_scope    *scope = run_in_thread(create, NULL);
  struct child child = child_run(enter_without_memory, scope);
  assert_int_equal(child.status, 0);
  sa_scope_destroy(scope);
}

static void
keep_without_memory(void *scope)
{
  enum { SIZE = 1024 };
  void *block = sa_scope_alloc(scope, SIZE);
  fill(block, SIZE, 1);
  exhaust_memory();
  errno = 0;
  if (sa_scope_keep(block) || errno != ENOMEM)
    exit(1);
  if (!is_filled(block, SIZE, 1) || stats_of(scope).blocks != 1)
    exit(2);
  sa_free(block);
  if (stats_of(scope).blocks != 0)
    exit(3);
}

static void
a_block_that_could_not_be_kept_stays_in_its_scope(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS();
  sa_scope    *scope = sa_scope_create(NULL);
  struct child child = child_run(keep_without_memory, scope);
  assert_int_equal(child.status, 0);
  sa_scope_destroy(scope);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(enter_needs_memory_where_another_thread_created_the_scope),
    cmocka_unit_test(a_block_that_could_not_be_kept_stays_in_its_scope),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
