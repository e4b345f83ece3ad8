/* fork in a program whose other threads never rest. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { THREADS = 3, SLOTS = 64, FORKS = 40 / SLOWER };

static _Atomic(void *) slots[SLOTS]; /* each holds a block of some thread, or NULL */
static atomic_bool     stop;

/* Allocates, and frees what other threads allocated, until told to stop. */
static void *
churn(void *argument)
{
  unsigned random = (unsigned)(uintptr_t)argument;
  while (!stop) {
    random = random * 1664525 + 1013904223;
    size_t size = random % 100 == 0 ? 300 * KIB : (random >> 8) % 2000;
    sa_free(atomic_exchange(&slots[(random >> 20) % SLOTS], sa_malloc(size)));
  }
  return NULL;
}

static pthread_t threads[THREADS];

static int
start_threads(void **state)
{
  (void)state;
  stop = false;
  for (uintptr_t i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) != 0)
      return -1;
  return 0;
}

static int
stop_threads(void **state)
{
  (void)state;
  stop = true;
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (unsigned i = 0; i < SLOTS; i++)
    sa_free(atomic_exchange(&slots[i], NULL));
  return 0;
}

static void
succeeds_each_time(void (*body)(void *), void *argument)
{
  for (unsigned i = 0; i < FORKS; i++) {
    struct child child = child_run(body, argument);
    assert_string_equal(child.said, "");
    assert_int_equal(child.status, 0);
  }
}

static void
allocate(void *unused)
{
  (void)unused;
  enum { COUNT = 3000 };
  static void *blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++) {
    blocks[i] = sa_malloc(i);
    if (!blocks[i])
      exit(1);
    fill(blocks[i], i, i);
  }
  for (unsigned i = 0; i < COUNT; i++) {
    if (!is_filled(blocks[i], i, i))
      exit(2);
    sa_free(blocks[i]);
  }
}

static void
the_child_allocates(void **state)
{
  (void)state;
  succeeds_each_time(allocate, NULL);
}

struct pair {
  void *small, *large;
};

static void
free_pair(void *argument)
{
  struct pair *pair = argument;
  if (!is_filled(pair->small, 100, 1) || !is_filled(pair->large, 1 * MIB, 2))
    exit(1);
  sa_free(pair->small);
  sa_free(pair->large);
}

static void
the_child_frees_what_the_parent_allocated(void **state)
{
  (void)state;
  struct pair pair = {sa_malloc(100), sa_malloc(1 * MIB)};
  fill(pair.small, 100, 1);
  fill(pair.large, 1 * MIB, 2);
  succeeds_each_time(free_pair, &pair);
  assert_true(is_filled(pair.small, 100, 1));
  assert_true(is_filled(pair.large, 1 * MIB, 2));
  sa_free(pair.small);
  sa_free(pair.large);
}

static void
free_blocks_of_threads(void *unused)
{
  (void)unused;
  for (unsigned i = 0; i < SLOTS; i++)
    sa_free(atomic_exchange(&slots[i], NULL));
  allocate(NULL);
}

static void
the_child_frees_what_other_threads_allocated(void **state)
{
  (void)state;
  succeeds_each_time(free_blocks_of_threads, NULL);
}

static void
resize_and_trim(void *argument)
{
  struct pair *pair = argument;
  pair->small = sa_realloc(pair->small, 10 * KIB);
  pair->large = sa_realloc(pair->large, 4 * MIB);
  if (!pair->small || !pair->large)
    exit(3);
  free_pair(pair);
  sa_trim();
}

static void
the_child_resizes_and_trims(void **state)
{
  (void)state;
  struct pair pair = {sa_malloc(100), sa_malloc(1 * MIB)};
  fill(pair.small, 100, 1);
  fill(pair.large, 1 * MIB, 2);
  succeeds_each_time(resize_and_trim, &pair);
  sa_free(pair.small);
  sa_free(pair.large);
}

static void
fork_again(void *unused)
{
  struct child grandchild = child_run(allocate, unused);
  if (grandchild.status != 0)
    exit(1);
}

static void
the_child_may_fork_in_turn(void **state)
{
  (void)state;
  succeeds_each_time(fork_again, NULL);
}

int
main(void)
{
#define TEST_AMONG_THREADS(test) cmocka_unit_test_setup_teardown(test, start_threads, stop_threads)
  const struct CMUnitTest tests[] = {
    TEST_AMONG_THREADS(the_child_allocates),
    TEST_AMONG_THREADS(the_child_frees_what_the_parent_allocated),
    TEST_AMONG_THREADS(the_child_frees_what_other_threads_allocated),
    TEST_AMONG_THREADS(the_child_resizes_and_trims),
    TEST_AMONG_THREADS(the_child_may_fork_in_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
