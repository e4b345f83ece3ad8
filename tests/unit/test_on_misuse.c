/* STUBALLOC=on_misuse=report: misuse is said and counted, and nothing else comes of it.
 * SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <stuballoc/stats.h>

/* What must be said, and be all; nothing of it is done, or the child fails. */
static void
goes_on_with(const char *options, const char *what, const char *said, unsigned times)
{
  struct child child = child_rerun(what, options);
  if (child.status != 0)
    print_error("status %d, said: %s\n", child.status, child.said);
  assert_int_equal(child.status, 0);
  assert_int_equal(count_lines(child.said), times);
  assert_true(says_why(child.said, said));
}

static void
goes_on(const char *what, const char *said, unsigned times)
{
  goes_on_with("on_misuse=report", what, said, times);
}

/* What the default mode does not see. */
static void
goes_on_hardened(const char *what, const char *said, unsigned times)
{
#ifdef __SANITIZE_ADDRESS__
  (void)what, (void)said, (void)times;
  skip(); /* it would be the first to see it, and the mode is off */
#else
  goes_on_with("on_misuse=report,hardened=on", what, said, times);
#endif
}

static void
a_second_free(void **state)
{
  (void)state;
  goes_on("free twice", "this block is free already", 1);
}

static void
pointers_that_are_none(void **state)
{
  (void)state;
  goes_on("foreign", "stuballoc did not give it out", 3);
}

static void
a_pointer_inside_a_large_block(void **state)
{
  (void)state;
  goes_on("inside", "it points inside a block", 3);
}

static void
a_second_free_of_a_large_block(void **state)
{
  (void)state;
  goes_on("large twice", why_large_is_free(), 1);
}

static void
blocks_of_a_slab_that_was_left(void **state)
{
  (void)state;
  goes_on("left slab", "it points inside a block", 2);
}

static void
blocks_of_another_thread(void **state)
{
  (void)state;
  goes_on("another thread", "it points inside a block", 2);
}

static void
blocks_of_scopes(void **state)
{
  (void)state;
  goes_on("scope block", "this block is free already (scope 'mine')", 3);
}

static void
a_pointer_inside_a_large_block_of_a_scope(void **state)
{
  (void)state;
  goes_on("inside scope", "it points inside a block", 1);
}

static void
a_scope_that_only_those_inside_it_keep(void **state)
{
  (void)state;
  goes_on("kept scope", "it was destroyed (scope 'around')", 2);
}

static void
scopes_that_are_none(void **state)
{
  (void)state;
  goes_on("scope", "this is no scope, or it was destroyed", 4);
}

static void
a_leave_without_an_entry(void **state)
{
  (void)state;
  goes_on("leave", "this thread is not inside it", 1);
}

static void
a_write_past_the_end(void **state)
{
  (void)state;
  goes_on_hardened("overflow", "it was written to past its end: 24 bytes", 1);
}

static void
a_write_past_the_end_of_a_large_block(void **state)
{
  (void)state;
  goes_on_hardened("large overflow", "it was written to past its end: 1000000 bytes", 1);
}

static void
a_write_past_the_end_in_a_scope(void **state)
{
  (void)state;
  goes_on_hardened("scope overflow", "it was written to past its end: 24 bytes", 3);
}

static void
a_write_after_a_free(void **state)
{
  (void)state;
  goes_on_hardened("write after free", "it was written to after it was freed", 1);
}

static void
without_it_the_program_aborts(void **state)
{
  (void)state;
  struct child child = child_rerun("free twice", "on_misuse=abort");
  assert_true(WIFSIGNALED(child.status));
}

/* --- in the child ----------------------------------------------------------------------------- */

static void
must(int holds)
{
  if (!holds)
    exit(1);
}

static void
free_twice(void)
{
  void *block = sa_malloc(100);
  sa_free(block);
  sa_free(block);
  void *first = sa_malloc(100);
  void *second = sa_malloc(100);
  must(first != second);
}

static void
misuse_foreign(void)
{
  _Alignas(16) char on_stack[64] = "x";
  sa_free(on_stack);
  errno = 0;
  must(!sa_realloc(on_stack, 10) && errno == EINVAL);
  must(sa_usable_size(on_stack) == 0);
  must(on_stack[0] == 'x');
}

static void
misuse_inside(void)
{
  char *block = sa_malloc(1 * MIB);
  memset(block, 1, 1 * MIB);
  sa_free(block + 64);
  errno = 0;
  must(!sa_realloc(block + 64, 2 * MIB) && errno == EINVAL);
  must(sa_usable_size(block + 64) == 0);
  must(block[1 * MIB - 1] == 1);
  sa_free(block);
}

static void
free_large_twice(void)
{
  void *block = sa_malloc(1 * MIB);
  sa_free(block);
  sa_free(block);
}

/* Filled, it is held by nobody, and taken over by the first free. */
static void
misuse_left_slab(void)
{
  enum { COUNT = 200 };
  char *blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++)
    blocks[i] = sa_malloc(1 * KIB);
  sa_free(blocks[0] + 8);
  sa_free(blocks[0]);
  sa_free(blocks[0]);
  memset(blocks[1], 1, 1 * KIB);
  for (unsigned i = 1; i < COUNT; i++)
    sa_free(blocks[i]);
}

static void *
free_as_another(void *block)
{
  sa_free(sa_malloc(1)); /* so that the thread has a cache, and in it what it frees for others */
  sa_free((char *)block + 8);
  sa_free(block);
  sa_free(block);
  return NULL;
}

static void
misuse_of_another_thread(void)
{
  pthread_t thread;
  must(pthread_create(&thread, NULL, free_as_another, sa_malloc(100)) == 0);
  pthread_join(thread, NULL);
}

static void
misuse_scope_block(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "mine"});
  sa_scope_enter(scope);
  void *block = sa_scope_alloc(scope, 40);
  sa_free(block);
  sa_free(block);
  errno = 0;
  must(!sa_scope_keep(block) && errno == EINVAL);
  must(!sa_realloc(block, 400));
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
  must(stats.blocks == 0);
  sa_scope_destroy(scope);
}

static void
misuse_inside_scope(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "mine"});
  char     *block = sa_scope_alloc(scope, 1 * MIB);
  sa_free(block + 64);
  memset(block, 1, 1 * MIB);
  sa_scope_destroy(scope);
}

static void
misuse_kept_scope(void)
{
  sa_scope *around = sa_scope_create(&(sa_scope_options){.name = "around", .budget = 1 * MIB});
  sa_scope_enter(around);
  sa_scope *inner = sa_scope_create(NULL);
  sa_scope_destroy(around);
  errno = 0;
  must(!sa_scope_alloc(around, 10) && errno == EINVAL);
  errno = 0;
  must(sa_scope_enter(around) == -1 && errno == EINVAL);
  must(sa_scope_alloc(inner, 10) != NULL);
  sa_scope_destroy(inner);
}

static void
misuse_scope(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  sa_scope_destroy(scope);
  sa_scope_destroy(scope);
  errno = 0;
  must(sa_scope_enter(scope) == -1 && errno == EINVAL);
  errno = 0;
  must(!sa_scope_alloc(scope, 10) && errno == EINVAL);
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
  must(stats.blocks == 0 && !sa_scope_current());
}

static void
misuse_leave(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

/* Behind a block, where the compiler does not see it, and sees that it must be done. */
static void
write_behind(char *block, volatile size_t size)
{
  ((volatile char *)block)[size] ^= 'x'; /* not what stands there, which may be anything */
}

static void
must_not_come_again(const void *block, size_t size)
{
  for (unsigned i = 0; i < 10000; i++)
    must(sa_malloc(size) != block);
}

static void
misuse_end(void)
{
  char *block = sa_malloc(24);
  write_behind(block, 24);
  sa_free(block);
  must_not_come_again(block, 24);
}

static void
misuse_large_end(void)
{
  char *block = sa_malloc(1000000);
  write_behind(block, 1000000);
  sa_free(block);
  char *other = sa_malloc(1000000);
  must(other != block);
  sa_free(other);
}

/* It is found once more when the scope ends. */
static void
misuse_scope_end(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "mine"});
  char     *block = sa_scope_alloc(scope, 24), *large = sa_scope_alloc(scope, 1000000);
  write_behind(block, 24);
  write_behind(large, 1000000);
  sa_free(block);
  must(sa_scope_alloc(scope, 24) != block);
  sa_scope_destroy(scope);
}

static void
misuse_freed(void)
{
  char *volatile block = sa_malloc(200);
  sa_free(block);
  block[64] = 'x';
  must_not_come_again(block, 200);
}

static const struct {
  const char *name;
  void (*commit)(void);
  size_t times;
} misuses[] = {
  {"free twice", free_twice, 1},
  {"large twice", free_large_twice, 1},
  {"foreign", misuse_foreign, 3},
  {"inside", misuse_inside, 3},
  {"left slab", misuse_left_slab, 2},
  {"another thread", misuse_of_another_thread, 2},
  {"scope block", misuse_scope_block, 3},
  {"inside scope", misuse_inside_scope, 1},
  {"kept scope", misuse_kept_scope, 2},
  {"scope", misuse_scope, 4},
  {"leave", misuse_leave, 1},
  {"overflow", misuse_end, 1},
  {"large overflow", misuse_large_end, 1},
  {"scope overflow", misuse_scope_end, 3},
  {"write after free", misuse_freed, 1},
};

static int
misuse(const char *name)
{
  for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++)
    if (strcmp(misuses[i].name, name) == 0) {
      sa_stats stats = {.size = sizeof stats};
      misuses[i].commit();
      must(sa_get_stats(&stats) == 0 && stats.misuses == misuses[i].times);
      return 0;
    }
  return 2;
}

int
main(int argc, char **argv)
{
  if (argc == 2)
    return misuse(argv[1]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_second_free),
    cmocka_unit_test(pointers_that_are_none),
    cmocka_unit_test(a_pointer_inside_a_large_block),
    cmocka_unit_test(a_second_free_of_a_large_block),
    cmocka_unit_test(blocks_of_a_slab_that_was_left),
    cmocka_unit_test(blocks_of_another_thread),
    cmocka_unit_test(blocks_of_scopes),
    cmocka_unit_test(a_pointer_inside_a_large_block_of_a_scope),
    cmocka_unit_test(a_scope_that_only_those_inside_it_keep),
    cmocka_unit_test(scopes_that_are_none),
    cmocka_unit_test(a_leave_without_an_entry),
    cmocka_unit_test(a_write_past_the_end),
    cmocka_unit_test(a_write_past_the_end_of_a_large_block),
    cmocka_unit_test(a_write_past_the_end_in_a_scope),
    cmocka_unit_test(a_write_after_a_free),
    cmocka_unit_test(without_it_the_program_aborts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
