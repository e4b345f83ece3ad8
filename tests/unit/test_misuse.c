/* Pointers that must not be freed. Each child says so in one line and aborts.
 * SPDX-License-Identifier: MIT */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child must abort and say "stuballoc: <what> of <pointer>: <reason>". */
static void
aborts_saying(void (*body)(void *), void *block, const char *what)
{
  struct child child = child_run(body, block);
  char         start[100];
  size_t       length = (size_t)snprintf(start, sizeof start, "stuballoc: %s of %p: ", what, block);
  assert_true(WIFSIGNALED(child.status));
  assert_int_equal(WTERMSIG(child.status), SIGABRT);
  assert_int_equal(count_lines(child.said), 1);
  assert_true(strlen(child.said) > length + 1);
  child.said[length] = '\0';
  assert_string_equal(child.said, start);
}

static void
free_once(void *block)
{
  sa_free(block);
}

static void
free_twice(void *block)
{
  sa_free(block);
  sa_free(block);
}

/* --- pointers that the engine never gave out ---------------------------------------------------
 */

static void
a_pointer_into_the_stack(void **state)
{
  (void)state;
  _Alignas(16) char on_stack[64] = "";
  aborts_saying(free_once, on_stack, "free");
}

static void
a_pointer_to_a_global(void **state)
{
  (void)state;
  static _Alignas(16) char global[64];
  aborts_saying(free_once, global, "free");
}

static void
a_pointer_of_malloc(void **state)
{
  (void)state;
  void *small = malloc(64);
  void *large = malloc(4 * MIB);
  aborts_saying(free_once, small, "free");
  aborts_saying(free_once, large, "free");
  free(small);
  free(large);
}

static void
a_pointer_into_a_mapping(void **state)
{
  (void)state;
  void *at = mmap(NULL, 8 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(at, MAP_FAILED);
  aborts_saying(free_once, at, "free");
  munmap(at, 8 * MIB);
}

static void
a_number_that_is_no_address(void **state)
{
  (void)state;
  aborts_saying(free_once, (void *)16, "free");
  aborts_saying(free_once, (void *)(UINTPTR_MAX - 15), "free");
}

static void
resize_foreign(void *block)
{
  void *moved = sa_realloc(block, 100);
  (void)moved;
}

static void
realloc_of_a_foreign_pointer(void **state)
{
  (void)state;
  _Alignas(16) char on_stack[64] = "";
  aborts_saying(resize_foreign, on_stack, "realloc");
}

static void
measure_foreign(void *block)
{
  volatile size_t size = sa_usable_size(block);
  (void)size;
}

static void
usable_size_of_a_foreign_pointer(void **state)
{
  (void)state;
  _Alignas(16) char on_stack[64] = "";
  aborts_saying(measure_foreign, on_stack, "usable_size");
}

/* --- blocks that are free already --------------------------------------------------------------
 */

static void
two_frees_in_a_row_of_a_small_block(void **state)
{
  (void)state;
  for (size_t size = 8; size <= 4 * KIB; size *= 2) {
    void *block = sa_malloc(size);
    aborts_saying(free_twice, block, "free");
    sa_free(block);
  }
}

static void
two_frees_of_a_large_block(void **state)
{
  (void)state;
  for (size_t size = 1 * MIB; size <= 256 * MIB; size *= 4) {
    void *block = sa_malloc(size);
    aborts_saying(free_twice, block, "free");
    sa_free(block);
  }
}

static void
a_pointer_inside_a_large_block(void **state)
{
  (void)state;
  char *block = sa_malloc(1 * MIB);
  aborts_saying(free_once, block + 64, "free");
  aborts_saying(free_once, block + 512 * KIB, "free");
  sa_free(block);
}

/* --- blocks of slabs that are not current here --------------------------------------------------
 */

/* The first of so many that its slab has long been left to nobody. */
static char *
first_of_many(size_t size)
{
  char *first = sa_malloc(size);
  for (size_t i = 0; i < 4 * 64 * KIB / size; i++)
    assert_non_null(sa_malloc(size)); /* lost, for the test's sake */
  return first;
}

static void
two_frees_in_a_row_of_a_block_in_a_slab_that_was_left(void **state)
{
  (void)state;
  aborts_saying(free_twice, first_of_many(1 * KIB), "free");
}

static void
a_pointer_inside_a_block_in_a_slab_that_was_left(void **state)
{
  (void)state;
  aborts_saying(free_once, first_of_many(1 * KIB) + 16, "free");
}

static void
a_pointer_behind_the_last_block_of_a_slab(void **state)
{
  (void)state;
  uintptr_t slab = (uintptr_t)first_of_many(48) & ~(uintptr_t)(64 * KIB - 1);
  aborts_saying(free_once, (void *)(slab + 64 * KIB / 48 * 48), "free");
}

static void *
free_twice_here(void *block)
{
  sa_free(sa_malloc(1)); /* so that the thread has a cache, and in it what it frees for others */
  free_twice(block);
  return NULL;
}

static void
free_twice_elsewhere(void *block)
{
  pthread_t thread;
  pthread_create(&thread, NULL, free_twice_here, block);
  pthread_join(thread, NULL);
}

static void
two_frees_in_a_row_of_another_threads_block(void **state)
{
  (void)state;
  void *block = sa_malloc(200);
  aborts_saying(free_twice_elsewhere, block, "free");
  sa_free(block);
}

/* --- what only a debug build finds at once -----------------------------------------------------
 */

#ifdef SA_DEBUG
#define DEBUG_BUILD_ONLY()
#else
#define DEBUG_BUILD_ONLY() skip()
#endif

static void
a_pointer_inside_a_small_block(void **state)
{
  (void)state;
  DEBUG_BUILD_ONLY();
  char *block = sa_malloc(200);
  aborts_saying(free_once, block + 1, "free");
  aborts_saying(free_once, block + 16, "free");
  sa_free(block);
}

static void
free_twice_with_another_between(void *block)
{
  void *other = sa_malloc(200);
  sa_free(block);
  sa_free(other);
  sa_free(block);
}

static void
two_frees_with_another_between(void **state)
{
  (void)state;
  DEBUG_BUILD_ONLY();
  void *block = sa_malloc(200);
  aborts_saying(free_twice_with_another_between, block, "free");
  sa_free(block);
}

/* A page that a block is in, which sa_free writes to; the handler lets it do so, and allocates. */
static char *page;
static long  page_size;

static void
allocate_in_handler(int signal)
{
  (void)signal;
  mprotect(page, (size_t)page_size, PROT_READ | PROT_WRITE);
  sa_free(sa_malloc(10));
}

static void
free_with_a_signal_in_between(void *block)
{
  page_size = sysconf(_SC_PAGESIZE);
  page = (char *)block - (uintptr_t)block % (uintptr_t)page_size;
  signal(SIGSEGV, allocate_in_handler);
  mprotect(page, (size_t)page_size, PROT_READ);
  sa_free(block);
}

static void
an_allocation_in_a_signal_handler(void **state)
{
  (void)state;
  DEBUG_BUILD_ONLY();
  void        *block = sa_malloc(10000);
  struct child child = child_run(free_with_a_signal_in_between, block);
  assert_true(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT);
  assert_string_equal(child.said,
                      "stuballoc: sa_malloc is called within sa_free on the same thread, "
                      "as a signal handler must not\n");
  sa_free(block);
}

static void
create_in_handler(int signal)
{
  (void)signal;
  mprotect(page, (size_t)page_size, PROT_READ | PROT_WRITE);
  sa_scope_destroy(sa_scope_create(NULL));
}

static void
destroy_with_a_signal_in_between(void *scope)
{
  page_size = sysconf(_SC_PAGESIZE);
  page = (char *)scope - (uintptr_t)scope % (uintptr_t)page_size;
  signal(SIGSEGV, create_in_handler);
  mprotect(page, (size_t)page_size, PROT_READ);
  sa_scope_destroy(scope);
}

static void
a_scope_in_a_signal_handler(void **state)
{
  (void)state;
  DEBUG_BUILD_ONLY();
  sa_scope    *scope = sa_scope_create(NULL);
  struct child child = child_run(destroy_with_a_signal_in_between, scope);
  assert_true(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT);
  assert_string_equal(child.said,
                      "stuballoc: sa_scope_create is called within sa_scope_destroy on the same "
                      "thread, as a signal handler must not\n");
  sa_scope_destroy(scope);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_pointer_into_the_stack),
    cmocka_unit_test(a_pointer_to_a_global),
    cmocka_unit_test(a_pointer_of_malloc),
    cmocka_unit_test(a_pointer_into_a_mapping),
    cmocka_unit_test(a_number_that_is_no_address),
    cmocka_unit_test(realloc_of_a_foreign_pointer),
    cmocka_unit_test(usable_size_of_a_foreign_pointer),
    cmocka_unit_test(two_frees_in_a_row_of_a_small_block),
    cmocka_unit_test(two_frees_of_a_large_block),
    cmocka_unit_test(a_pointer_inside_a_large_block),
    cmocka_unit_test(two_frees_in_a_row_of_a_block_in_a_slab_that_was_left),
    cmocka_unit_test(a_pointer_inside_a_block_in_a_slab_that_was_left),
    cmocka_unit_test(a_pointer_behind_the_last_block_of_a_slab),
    cmocka_unit_test(two_frees_in_a_row_of_another_threads_block),
    cmocka_unit_test(a_pointer_inside_a_small_block),
    cmocka_unit_test(two_frees_with_another_between),
    cmocka_unit_test(an_allocation_in_a_signal_handler),
    cmocka_unit_test(a_scope_in_a_signal_handler),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
