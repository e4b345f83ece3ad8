/* How long a scope lives, and which one is current. SPDX-License-Identifier: MIT */
#include "scope_test.h"

static void
what_is_allocated_stays_until_destroy_and_then_goes_at_once(void **state)
{
  (void)state;
  sa_scope *around = watcher();
  sa_scope *scope = create_inside(around, NULL);
  void     *blocks[1000];
  for (unsigned i = 0; i < 1000; i++) {
    blocks[i] = sa_scope_alloc(scope, i % 500 + (i % 100 == 0 ? 30000 : 0));
    assert_non_null(blocks[i]);
    fill(blocks[i], i % 500, i);
  }
  for (unsigned i = 0; i < 1000; i++)
    assert_true(is_filled(blocks[i], i % 500, i));
  assert_true(stats_of(around).held > 10 * 30000);
  sa_scope_destroy(scope);
  assert_int_equal(stats_of(around).held, 0);
  sa_scope_destroy(around);
}

static void
a_thread_is_in_no_scope_at_first(void **state)
{
  (void)state;
  assert_null(sa_scope_current());
}

static void
enter_makes_a_scope_current_and_leave_the_one_before(void **state)
{
  (void)state;
  sa_scope *outer = sa_scope_create(NULL);
  sa_scope *inner = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(outer), 0);
  assert_ptr_equal(sa_scope_current(), outer);
  assert_int_equal(sa_scope_enter(inner), 0);
  assert_ptr_equal(sa_scope_current(), inner);
  sa_scope_leave(inner);
  assert_ptr_equal(sa_scope_current(), outer);
  sa_scope_leave(outer);
  assert_null(sa_scope_current());
  sa_scope_destroy(inner);
  sa_scope_destroy(outer);
}

static void
create_alone_does_not_enter(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_null(sa_scope_current());
  sa_scope_destroy(scope);
}

static void
scopes_nest_to_any_depth(void **state)
{
  (void)state;
  enum { DEPTH = 2000 };
  static sa_scope *scopes[DEPTH];
  static void     *blocks[DEPTH];
  for (unsigned i = 0; i < DEPTH; i++) {
    scopes[i] = sa_scope_create(NULL);
    assert_int_equal(sa_scope_enter(scopes[i]), 0);
    blocks[i] = sa_scope_alloc(scopes[i], 100);
    fill(blocks[i], 100, i);
  }
  for (unsigned i = DEPTH; i-- > 0;) {
    assert_ptr_equal(sa_scope_current(), scopes[i]);
    assert_true(is_filled(blocks[i], 100, i));
    sa_scope_leave(scopes[i]);
    sa_scope_destroy(scopes[i]);
  }
  assert_null(sa_scope_current());
}

static void
a_scope_may_be_entered_again_and_is_left_as_often(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  sa_scope *other = sa_scope_create(NULL);
  sa_scope *order[] = {scope, scope, other, scope, other, other};
  for (unsigned i = 0; i < 6; i++)
    assert_int_equal(sa_scope_enter(order[i]), 0);
  for (unsigned i = 6; i-- > 0;) {
    assert_ptr_equal(sa_scope_current(), order[i]);
    sa_scope_leave(order[i]);
  }
  assert_null(sa_scope_current());
  sa_scope_destroy(scope);
  sa_scope_destroy(other);
}

static void
leave_pops_what_was_left_above_and_counts_it(void **state)
{
  (void)state;
  sa_scope *outer = sa_scope_create(NULL);
  sa_scope *inner[3];
  assert_int_equal(sa_scope_enter(outer), 0);
  for (unsigned i = 0; i < 3; i++) {
    inner[i] = sa_scope_create(NULL);
    assert_int_equal(sa_scope_enter(inner[i]), 0);
  }
  sa_scope_leave(inner[1]); /* and inner[2] */
  assert_ptr_equal(sa_scope_current(), inner[0]);
  assert_int_equal(stats_of(inner[1]).unwound, 1);
  sa_scope_leave(outer);
  assert_null(sa_scope_current());
  assert_int_equal(stats_of(outer).unwound, 1);
  for (unsigned i = 0; i < 3; i++)
    sa_scope_destroy(inner[i]);
  sa_scope_destroy(outer);
}

static void
leave_ends_the_last_entry_only(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  assert_int_equal(sa_scope_enter(scope), 0);
  sa_scope_leave(scope);
  assert_ptr_equal(sa_scope_current(), scope);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

/* --- a jump out ------------------------------------------------------------------------------- */

static jmp_buf back;

static void
jump_out_of_two_scopes(sa_scope *around)
{
  sa_scope *first = create_inside(around, &(sa_scope_options){.flags = SA_SCOPE_UNWIND});
  sa_scope *second = create_inside(around, &(sa_scope_options){.flags = SA_SCOPE_UNWIND});
  assert_int_equal(sa_scope_enter(first), 0);
  assert_int_equal(sa_scope_enter(second), 0);
  assert_non_null(sa_scope_alloc(first, 1000));
  assert_non_null(sa_scope_alloc(second, 100000));
  longjmp(back, 1);
}

static void
a_longjmp_past_scopes_is_made_up_for_when_the_one_below_is_left(void **state)
{
  (void)state;
  sa_scope *around = watcher();
  sa_scope *outer = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(outer), 0);
  if (setjmp(back) == 0)
    jump_out_of_two_scopes(around);
  assert_ptr_not_equal(sa_scope_current(), outer);
  sa_scope_leave(outer);
  assert_null(sa_scope_current());
  assert_int_equal(stats_of(outer).unwound, 2);
  assert_int_equal(stats_of(around).held, 0); /* they asked for it by SA_SCOPE_UNWIND */
  sa_scope_destroy(outer);
  sa_scope_destroy(around);
}

static void
an_entry_that_is_unwound_leaves_a_scope_alone_without_the_flag(void **state)
{
  (void)state;
  sa_scope *outer = sa_scope_create(NULL);
  sa_scope *inner = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(outer), 0);
  assert_int_equal(sa_scope_enter(inner), 0);
  char *block = sa_scope_alloc(inner, 100);
  fill(block, 100, 1);
  sa_scope_leave(outer);
  assert_true(is_filled(block, 100, 1));
  sa_scope_destroy(inner);
  sa_scope_destroy(outer);
}

/* --- destroy ---------------------------------------------------------------------------------- */

static void
destroy_leaves_the_scope_in_the_calling_thread(void **state)
{
  (void)state;
  sa_scope *outer = sa_scope_create(NULL);
  sa_scope *inner = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(outer), 0);
  assert_int_equal(sa_scope_enter(inner), 0);
  assert_int_equal(sa_scope_enter(inner), 0);
  sa_scope_destroy(inner);
  assert_ptr_equal(sa_scope_current(), outer);
  sa_scope_destroy(outer);
  assert_null(sa_scope_current());
}

static void
destroy_of_nothing_is_nothing(void **state)
{
  (void)state;
  sa_scope_destroy(NULL);
}

static void
a_scope_may_go_before_one_that_was_created_inside_it(void **state)
{
  (void)state;
  sa_scope *outer = sa_scope_create(&(sa_scope_options){.budget = 100000});
  sa_scope *inner = create_inside(outer, NULL);
  char     *block = sa_scope_alloc(inner, 1000);
  fill(block, 1000, 3);
  sa_scope_destroy(outer);
  assert_true(is_filled(block, 1000, 3));
  assert_non_null(sa_scope_alloc(inner, 1000));
  assert_null(sa_scope_alloc(inner, 100000)); /* and its budget holds on */
  sa_scope_destroy(inner);
}

/* --- SA_SCOPED -------------------------------------------------------------------------------- */

static sa_scope *outside; /* watches what scoped_return holds */

static int
scoped_return(bool early)
{
  SA_SCOPED(NULL);
  assert_non_null(sa_scope_alloc(sa_scope_current(), 50000));
  if (early)
    return 1;
  {
    SA_SCOPED(&(sa_scope_options){.name = "inner", .budget = 4096});
    assert_null(sa_scope_alloc(sa_scope_current(), 5000));
  }
  return stats_of(outside).held > 50000 ? 2 : 0;
}

static void
sa_scoped_ends_with_its_block_however_it_is_left(void **state)
{
  (void)state;
  outside = watcher();
  assert_int_equal(sa_scope_enter(outside), 0);
  assert_int_equal(scoped_return(true), 1);
  assert_int_equal(stats_of(outside).held, 0);
  assert_int_equal(scoped_return(false), 2);
  assert_int_equal(stats_of(outside).held, 0);
  assert_ptr_equal(sa_scope_current(), outside);
  sa_scope_leave(outside);
  sa_scope_destroy(outside);
}

static void
jump_out_of_scoped(void)
{
  SA_SCOPED(NULL);
  assert_non_null(sa_scope_alloc(sa_scope_current(), 50000));
  longjmp(back, 1);
}

static void
a_longjmp_past_sa_scoped_loses_nothing(void **state)
{
  (void)state;
  outside = watcher();
  assert_int_equal(sa_scope_enter(outside), 0);
  if (setjmp(back) == 0)
    jump_out_of_scoped();
  assert_true(stats_of(outside).held > 50000);
  sa_scope_leave(outside);
  assert_int_equal(stats_of(outside).held, 0);
  sa_scope_destroy(outside);
}

/* --- arguments -------------------------------------------------------------------------------- */

static void
null_is_no_scope(void **state)
{
  (void)state;
  errno = 0;
  assert_int_equal(sa_scope_enter(NULL), -1);
  assert_int_equal(errno, EINVAL);
  errno = 0;
  assert_null(sa_scope_alloc(NULL, 1));
  assert_int_equal(errno, EINVAL);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_thread_is_in_no_scope_at_first),
    cmocka_unit_test(what_is_allocated_stays_until_destroy_and_then_goes_at_once),
    cmocka_unit_test(enter_makes_a_scope_current_and_leave_the_one_before),
    cmocka_unit_test(create_alone_does_not_enter),
    cmocka_unit_test(scopes_nest_to_any_depth),
    cmocka_unit_test(a_scope_may_be_entered_again_and_is_left_as_often),
    cmocka_unit_test(leave_pops_what_was_left_above_and_counts_it),
    cmocka_unit_test(leave_ends_the_last_entry_only),
    cmocka_unit_test(a_longjmp_past_scopes_is_made_up_for_when_the_one_below_is_left),
    cmocka_unit_test(an_entry_that_is_unwound_leaves_a_scope_alone_without_the_flag),
    cmocka_unit_test(destroy_leaves_the_scope_in_the_calling_thread),
    cmocka_unit_test(destroy_of_nothing_is_nothing),
    cmocka_unit_test(a_scope_may_go_before_one_that_was_created_inside_it),
    cmocka_unit_test(sa_scoped_ends_with_its_block_however_it_is_left),
    cmocka_unit_test(a_longjmp_past_sa_scoped_loses_nothing),
    cmocka_unit_test(null_is_no_scope),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
