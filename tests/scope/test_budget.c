/* What a scope may hold. SPDX-License-Identifier: MIT */
#include "scope_test.h"

static sa_scope *
with_budget(size_t budget)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "budget", .budget = budget});
  assert_non_null(scope);
  return scope;
}

/* Allocates blocks until there are no more; returns their bytes. */
static size_t
exhaust(sa_scope *scope, size_t size)
{
  size_t bytes = 0;
  void  *block;
  errno = 0;
  while ((block = sa_scope_alloc(scope, size))) {
    fill(block, size, 1);
    bytes += size;
    assert_true(bytes < 100 * MIB);
  }
  assert_int_equal(errno, ENOMEM);
  return bytes;
}

static void
no_more_than_the_budget_is_given_and_hardly_less(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  const size_t sizes[] = {16, 100, 1000, 10000, 30000};
  for (unsigned i = 0; i < 5; i++) {
    sa_scope *scope = with_budget(1 * MIB);
    size_t    bytes = exhaust(scope, sizes[i]);
    assert_true(bytes <= 1 * MIB);
    assert_true(bytes > 1 * MIB * 4 / 5);
    assert_true(stats_of(scope).peak <= 1 * MIB);
    assert_int_equal(stats_of(scope).over_budget, 1);
    sa_scope_destroy(scope);
  }
}

static void
a_budget_has_room_for_one_block_of_its_size(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  const size_t budgets[] = {16, 4096, 16384, 100000, 1 * MIB};
  for (unsigned i = 0; i < 3; i++) {
    sa_scope *scope = with_budget(budgets[i]);
    assert_non_null(sa_scope_alloc(scope, budgets[i]));
    assert_null(sa_scope_alloc(scope, 1));
    sa_scope_destroy(scope);
  }
  /* a large block needs a few bytes more, to be found again */
  for (unsigned i = 3; i < 5; i++) {
    sa_scope *scope = with_budget(budgets[i] + 4096);
    assert_non_null(sa_scope_alloc(scope, budgets[i]));
    assert_null(sa_scope_alloc(scope, 4096));
    sa_scope_destroy(scope);
  }
}

static void
a_budget_below_16_bytes_allows_nothing(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(15);
  assert_null(sa_scope_alloc(scope, 1));
  sa_scope_destroy(scope);
}

static void
a_scope_over_its_budget_can_be_used_on(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(64 * KIB);
  void     *first = sa_scope_alloc(scope, 1000);
  fill(first, 1000, 5);
  exhaust(scope, 1000);
  assert_true(is_filled(first, 1000, 5));
  sa_free(first);
  assert_ptr_equal(sa_scope_alloc(scope, 1000), first);
  assert_null(sa_scope_alloc(scope, 1000));
  assert_int_equal(stats_of(scope).over_budget, 2);
  sa_scope_destroy(scope);
}

static void
free_neighbours_are_joined_before_a_budget_refuses(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(32 * KIB);
  void     *blocks[300];
  unsigned  count = 0;
  while (count < 300 && (blocks[count] = sa_scope_alloc(scope, 112)))
    count++;
  while (count-- > 0)
    sa_free(blocks[count]);
  assert_non_null(sa_scope_alloc(scope, 8000));
  sa_scope_destroy(scope);
}

static void
every_freed_block_is_used_before_a_budget_refuses(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  enum { BLOCKS = 200, LARGE = 112, SMALL = 16 };
  sa_scope *scope = with_budget(BLOCKS * LARGE);
  void     *blocks[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++)
    assert_non_null(blocks[i] = sa_scope_alloc(scope, LARGE));
  for (unsigned i = 0; i < BLOCKS; i += 2)
    sa_free(blocks[i]); /* no two are neighbours */
  assert_int_equal(exhaust(scope, SMALL), BLOCKS / 2 * LARGE);
  sa_scope_destroy(scope);
}

static void
what_is_freed_is_returned_where_it_is_given_back(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(1 * MIB);
  for (unsigned i = 0; i < 100; i++) {
    void *block = sa_scope_alloc(scope, 900000);
    assert_non_null(block);
    sa_free(block);
  }
  assert_int_equal(stats_of(scope).over_budget, 0);
  sa_scope_destroy(scope);
}

static void
a_large_block_that_grows_is_charged(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(1 * MIB);
  char     *block = sa_scope_alloc(scope, 100000);
  block = sa_realloc(block, 900000);
  assert_non_null(block);
  assert_null(sa_scope_alloc(scope, 200000));
  assert_null(sa_realloc(block, 2 * MIB));
  block = sa_realloc(block, 100000);
  assert_non_null(block);
  assert_non_null(sa_scope_alloc(scope, 200000));
  sa_scope_destroy(scope);
}

static void
what_a_large_block_shrinks_by_is_returned(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(2 * MIB);
  void     *block = sa_scope_alloc(scope, 900000);
  assert_null(sa_scope_alloc(scope, 1300000));
  block = sa_realloc(block, 500000);
  assert_non_null(block);
  assert_non_null(sa_scope_alloc(scope, 1300000));
  sa_scope_destroy(scope);
}

/* --- nested ----------------------------------------------------------------------------------- */

static void
a_nested_scope_cannot_exceed_the_outer_budget(void **state)
{
  (void)state;
  sa_scope *outer = with_budget(254 * KIB);
  sa_scope *inner = create_inside(outer, NULL);
  sa_scope *innermost = create_inside(inner, &(sa_scope_options){.budget = 10 * MIB});
  size_t    bytes = exhaust(innermost, 1000);
  assert_true(bytes <= 254 * KIB && bytes > 128 * KIB);
  assert_int_equal(stats_of(innermost).held, stats_of(outer).held);
  assert_null(sa_scope_alloc(inner, 10000));
  assert_null(sa_scope_alloc(outer, 10000));
  sa_scope_destroy(innermost);
  assert_non_null(sa_scope_alloc(inner, 10000));
  sa_scope_destroy(inner);
  assert_int_equal(stats_of(outer).held, 0);
  assert_true(exhaust(outer, 1000) > 128 * KIB);
  sa_scope_destroy(outer);
}

static void
no_scope_without_a_budget_hides_the_one_around_it(void **state)
{
  (void)state;
  sa_scope *elsewhere = sa_scope_create(NULL);
  sa_scope *outer = with_budget(64 * KIB);
  assert_int_equal(sa_scope_enter(outer), 0);
  sa_scope *inner = create_inside(elsewhere, NULL);
  assert_true(exhaust(inner, 1000) <= 64 * KIB);
  assert_int_equal(stats_of(inner).held, stats_of(outer).held);
  sa_scope_destroy(inner);
  assert_int_equal(stats_of(outer).held, 0);
  sa_scope_leave(outer);
  sa_scope_destroy(outer);
  sa_scope_destroy(elsewhere);
}

static void
a_nested_scope_may_have_less(void **state)
{
  (void)state;
  sa_scope *outer = with_budget(256 * KIB);
  sa_scope *inner = create_inside(outer, &(sa_scope_options){.budget = 16 * KIB});
  assert_true(exhaust(inner, 100) <= 16 * KIB);
  assert_int_equal(stats_of(outer).over_budget, 0);
  assert_non_null(sa_scope_alloc(outer, 100000));
  sa_scope_destroy(inner);
  sa_scope_destroy(outer);
}

static void
a_scope_created_outside_is_not_charged(void **state)
{
  (void)state;
  sa_scope *budget = with_budget(16 * KIB);
  sa_scope *free_one = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(budget), 0);
  assert_int_equal(sa_scope_enter(free_one), 0);
  assert_non_null(sa_scope_alloc(free_one, 100000));
  sa_scope_leave(budget);
  assert_int_equal(stats_of(budget).held, 0);
  sa_scope_destroy(free_one);
  sa_scope_destroy(budget);
}

/* --- by several threads ----------------------------------------------------------------------- */

static void *
exhaust_with_others(void *scope)
{
  size_t bytes = 0;
  if (sa_scope_enter(scope) != 0)
    return NULL;
  while (sa_scope_alloc(scope, 200))
    bytes += 200;
  sa_scope_leave(scope);
  return (void *)bytes;
}

static void
all_threads_together_get_no_more_than_the_budget(void **state)
{
  (void)state;
  sa_scope *scope = with_budget(4 * MIB);
  pthread_t threads[4];
  size_t    bytes = 0;
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, exhaust_with_others, scope), 0);
  for (unsigned i = 0; i < 4; i++) {
    void *own;
    assert_int_equal(pthread_join(threads[i], &own), 0);
    bytes += (size_t)own;
  }
  assert_true(bytes <= 4 * MIB && bytes > 3 * MIB);
  assert_true(stats_of(scope).peak <= 4 * MIB);
  sa_scope_destroy(scope);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(no_more_than_the_budget_is_given_and_hardly_less),
    cmocka_unit_test(a_budget_has_room_for_one_block_of_its_size),
    cmocka_unit_test(a_budget_below_16_bytes_allows_nothing),
    cmocka_unit_test(a_scope_over_its_budget_can_be_used_on),
    cmocka_unit_test(free_neighbours_are_joined_before_a_budget_refuses),
    cmocka_unit_test(every_freed_block_is_used_before_a_budget_refuses),
    cmocka_unit_test(what_is_freed_is_returned_where_it_is_given_back),
    cmocka_unit_test(a_large_block_that_grows_is_charged),
    cmocka_unit_test(what_a_large_block_shrinks_by_is_returned),
    cmocka_unit_test(a_nested_scope_cannot_exceed_the_outer_budget),
    cmocka_unit_test(no_scope_without_a_budget_hides_the_one_around_it),
    cmocka_unit_test(a_nested_scope_may_have_less),
    cmocka_unit_test(a_scope_created_outside_is_not_charged),
    cmocka_unit_test(all_threads_together_get_no_more_than_the_budget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
