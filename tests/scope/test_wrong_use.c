/* Wrong pointers and handles: each child says so in one line and aborts.
 * SPDX-License-Identifier: MIT */
#include "scope_test.h"

#include <semaphore.h>

#include <stuballoc/pages.h>

static sa_scope *
make(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "mine"});
  assert_non_null(scope);
  return scope;
}

/* --- handles ---------------------------------------------------------------------------------- */

static void
leave(void *scope)
{
  sa_scope_leave(scope);
}

static void
destroy(void *scope)
{
  sa_scope_destroy(scope);
}

static void
enter(void *scope)
{
  (void)sa_scope_enter(scope);
}

static void
allocate(void *scope)
{
  void *block = sa_scope_alloc(scope, 1);
  (void)block;
}

static void
count(void *scope)
{
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
}

static void
leave_of_a_scope_that_this_thread_did_not_enter(void **state)
{
  (void)state;
  sa_scope *scope = make();
  sa_scope *other = make();
  aborts_saying(leave, scope, "sa_scope_leave", "not inside");
  aborts_saying(leave, NULL, "sa_scope_leave", "not inside");
  assert_int_equal(sa_scope_enter(other), 0);
  aborts_saying(leave, scope, "sa_scope_leave", "not inside");
  sa_scope_destroy(other);
  sa_scope_destroy(scope);
}

static void
enter_once_and_leave_twice(void *scope)
{
  enter(scope);
  leave(scope);
  leave(scope);
}

static void
leave_more_often_than_entered(void **state)
{
  (void)state;
  sa_scope *scope = make();
  aborts_saying(enter_once_and_leave_twice, scope, "sa_scope_leave", "not inside");
  sa_scope_destroy(scope);
}

static void
destroy_twice(void *scope)
{
  sa_scope_destroy(scope);
  sa_scope_destroy(scope);
}

static void
destroy_of_what_was_destroyed(void **state)
{
  (void)state;
  sa_scope *scope = make();
  aborts_saying(destroy_twice, scope, "sa_scope_destroy", "destroyed");
  sa_scope_destroy(scope);
}

static void *
enter_and_exit(void *scope)
{
  enter(scope);
  return NULL;
}

static void *
destroy_in_thread(void *scope)
{
  sa_scope_destroy(scope);
  return NULL;
}

static void
destroy_twice_while_this_thread_is_inside(void *scope)
{
  pthread_t thread;
  enter(scope);
  pthread_create(&thread, NULL, destroy_in_thread, scope);
  pthread_join(thread, NULL);
  sa_scope_destroy(scope);
}

static void
destroy_of_what_another_thread_destroyed(void **state)
{
  (void)state;
  sa_scope *scope = make();
  assert_null(run_in_thread(enter_and_exit, scope));
  aborts_saying(destroy_twice_while_this_thread_is_inside, scope, "sa_scope_destroy",
                "destroyed before (scope 'mine')");
  sa_scope_destroy(scope);
}

static void
use_of_a_scope_that_was_destroyed(void **state)
{
  (void)state;
  sa_scope *scope = make();
  sa_scope_destroy(scope);
  aborts_saying(enter, scope, "sa_scope_enter", "destroyed");
  aborts_saying(allocate, scope, "sa_scope_alloc", "destroyed");
  aborts_saying(count, scope, "sa_scope_get_stats", "destroyed");
}

static void
wait_until(sem_t *semaphore)
{
  while (sem_wait(semaphore) != 0)
    ;
}

static sem_t inside, done;

static void *
stay_inside(void *scope)
{
  enter(scope);
  sem_post(&inside);
  wait_until(&done);
  return NULL;
}

static void
enter_after_destroy(void *scope)
{
  pthread_t thread;
  pthread_create(&thread, NULL, stay_inside, scope);
  wait_until(&inside);
  sa_scope_destroy(scope);
  enter(scope);
}

static void
enter_of_a_destroyed_scope_that_another_thread_is_still_inside(void **state)
{
  (void)state;
  sa_scope *scope = make();
  sem_init(&inside, 0, 0);
  sem_init(&done, 0, 0);
  aborts_saying(enter_after_destroy, scope, "sa_scope_enter", "it was destroyed (scope 'mine')");
  sa_scope_destroy(scope);
}

static void
the_same_after_its_memory_went_back(void **state)
{
  (void)state;
  sa_scope *scope = make();
  sa_scope_destroy(scope);
  sa_trim();
  aborts_saying(enter, scope, "sa_scope_enter", "destroyed");
  aborts_saying(destroy, scope, "sa_scope_destroy", "destroyed");
}

/* Where in its unit a scope would be. */
static void *
like(const sa_scope *scope, void *near)
{
  const uintptr_t unit = 64 * KIB;
  return (void *)(((uintptr_t)near + unit - 1) / unit * unit + (uintptr_t)scope % unit);
}

static void
handles_that_are_no_scopes(void **state)
{
  (void)state;
  static char global[100];
  char        local[100];
  sa_scope   *scope = make();
  char       *small = sa_malloc(100), *large = sa_malloc(1 * MIB);
  void       *none = sa_pages_reserve(1 * MIB, sa_pages_size());
  for (size_t i = 0; i < 1 * MIB; i += sizeof(int))
    memcpy(large + i, &(int){1}, sizeof(int));
  void *const wrong[] = {
    global,
    local,
    small,
    large,
    none,
    sa_scope_alloc(scope, 100),
    (char *)scope + 16,
    like(scope, large + 1),
    like(scope, none),
    (void *)16,
    (void *)(UINTPTR_MAX - 15),
  };
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    aborts_saying(enter, wrong[i], "sa_scope_enter", "no scope");
    aborts_saying(destroy, wrong[i], "sa_scope_destroy", "no scope");
    aborts_saying(allocate, wrong[i], "sa_scope_alloc", "no scope");
    aborts_saying(leave, wrong[i], "sa_scope_leave", "not inside");
  }
  sa_pages_release(none, 1 * MIB);
  sa_free(small);
  sa_free(large);
  sa_scope_destroy(scope);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void
free_it(void *block)
{
  sa_free(block);
}

static void
resize_it(void *block)
{
  void *moved = sa_realloc(block, 5000);
  (void)moved;
}

static void
measure_it(void *block)
{
  volatile size_t size = sa_usable_size(block);
  (void)size;
}

static void
keep_it(void *block)
{
  void *kept = sa_scope_keep(block);
  (void)kept;
}

static void
is_refused(void *pointer, const char *why)
{
  aborts_saying(free_it, pointer, "free", why);
  aborts_saying(resize_it, pointer, "usable_size", why);
  aborts_saying(measure_it, pointer, "usable_size", why);
  aborts_saying(keep_it, pointer, "keep", why);
}

static void
a_block_that_is_free_already(void **state)
{
  (void)state;
  sa_scope *scope = make();
  for (size_t size = 1; size <= largest_small(); size *= 2) {
    void *block = sa_scope_alloc(scope, size);
    void *another = sa_scope_alloc(scope, size);
    sa_free(block);
    sa_free(another); /* in between, which hides it from simple checks */
    is_refused(block, "free already (scope 'mine')");
  }
  sa_scope_destroy(scope);
}

static void *
free_there(void *block)
{
  sa_free(block);
  return NULL;
}

static void
free_in_thread(void *block)
{
  pthread_t thread;
  pthread_create(&thread, NULL, free_there, block);
  pthread_join(thread, NULL);
}

static void
a_block_that_another_thread_has_freed(void **state)
{
  (void)state;
  sa_scope *scope = make();
  void     *block = sa_scope_alloc(scope, 100);
  free_in_thread(block);
  is_refused(block, "free already (scope 'mine')");
  aborts_saying(free_in_thread, block, "free", "free already (scope 'mine')");
  sa_scope_destroy(scope);
}

static void
a_pointer_inside_a_block(void **state)
{
  (void)state;
  sa_scope *scope = make();
  char     *block = sa_scope_alloc(scope, 2000);
  is_refused(block + 1, "inside a block");
  is_refused(block + 16, "inside a block");
  is_refused(block + 1984, "inside a block");
  sa_scope_destroy(scope);
}

static void
a_pointer_to_where_an_earlier_scope_had_a_block(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  for (unsigned i = 0; i < 100; i++)
    assert_non_null(sa_scope_alloc(scope, 16));
  sa_scope_destroy(scope);
  scope = sa_scope_create(NULL);
  char *block = sa_scope_alloc(scope, 64);
  is_refused(block + 16, "inside a block");
  is_refused(block + 640, "or to none");
  sa_scope_destroy(scope);
}

static void
a_pointer_inside_a_large_block(void **state)
{
  (void)state;
  sa_scope *scope = make();
  char     *block = sa_scope_alloc(scope, 200000);
  aborts_saying(free_it, block + 16, "free", "inside a block");
  aborts_saying(keep_it, block + 16, "keep", "inside a block (scope 'mine')");
  aborts_saying(free_it, block + 100000, "free", "did not give it out");
  sa_scope_destroy(scope);
}

static void
a_pointer_to_no_block_of_a_scope(void **state)
{
  (void)state;
  sa_scope *scope = make();
  char     *block = sa_scope_alloc(scope, 100);
  is_refused(block + 10000, "or to none (scope 'mine')");
  is_refused((char *)scope, "no block starts there");
  sa_scope_destroy(scope);
}

static void
a_large_block_that_is_free_already(void **state)
{
  (void)state;
  sa_scope *scope = make();
  void     *block = sa_scope_alloc(scope, 200000);
  sa_free(block);
  aborts_saying(free_it, block, "free", why_large_is_free());
  sa_scope_destroy(scope);
}

static void
a_block_whose_scope_is_gone(void **state)
{
  (void)state;
  sa_scope *scope = make();
  void     *small = sa_scope_alloc(scope, 100);
  void     *large = sa_scope_alloc(scope, 200000);
  sa_scope_destroy(scope);
  is_refused(small, "its scope was destroyed");
  aborts_saying(free_it, large, "free", why_large_is_free());
  sa_trim();
  aborts_saying(free_it, small, "free", "freed before");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(leave_of_a_scope_that_this_thread_did_not_enter),
    cmocka_unit_test(leave_more_often_than_entered),
    cmocka_unit_test(destroy_of_what_was_destroyed),
    cmocka_unit_test(destroy_of_what_another_thread_destroyed),
    cmocka_unit_test(use_of_a_scope_that_was_destroyed),
    cmocka_unit_test(enter_of_a_destroyed_scope_that_another_thread_is_still_inside),
    cmocka_unit_test(the_same_after_its_memory_went_back),
    cmocka_unit_test(handles_that_are_no_scopes),
    cmocka_unit_test(a_block_that_is_free_already),
    cmocka_unit_test(a_block_that_another_thread_has_freed),
    cmocka_unit_test(a_pointer_inside_a_block),
    cmocka_unit_test(a_pointer_to_where_an_earlier_scope_had_a_block),
    cmocka_unit_test(a_pointer_inside_a_large_block),
    cmocka_unit_test(a_pointer_to_no_block_of_a_scope),
    cmocka_unit_test(a_large_block_that_is_free_already),
    cmocka_unit_test(a_block_whose_scope_is_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
