/* What the process keeps when its threads go idle: little, and without being asked. */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>

#include "counts.h"
#include "memory.h"

/* Blocks are noted outside of what is measured. */
struct load {
  void **blocks;
  size_t count;
  size_t least, most; /* sizes */
  sem_t  filled, over;
  size_t before, peak;
};

static void
load_begin(struct load *load, size_t count, size_t least, size_t most)
{
  *load = (struct load){.count = count, .least = least, .most = most};
  load->blocks = notes(count * sizeof(void *));
  sem_init(&load->filled, 0, 0);
  sem_init(&load->over, 0, 0);
  load->before = resident();
}

static void
load_end(struct load *load)
{
  munmap(load->blocks, load->count * sizeof(void *));
}

static void
fill_all(struct load *load)
{
  uint32_t random = 1;
  for (size_t i = 0; i < load->count; i++) {
    size_t size = load->least + next_random(&random) % (load->most - load->least + 1);
    load->blocks[i] = memset(sa_malloc(size), 1, size);
  }
  load->peak = resident() - load->before;
}

static void
shuffle(struct load *load)
{
  uint32_t random = 1;
  for (size_t i = load->count - 1; i > 0; i--) {
    size_t other = next_random(&random) % (i + 1);
    void  *block = load->blocks[i];
    load->blocks[i] = load->blocks[other];
    load->blocks[other] = block;
  }
}

static void
free_all(struct load *load)
{
  for (size_t i = 0; i < load->count; i++)
    sa_free(load->blocks[i]);
}

static void *
fill_and_sleep(void *argument)
{
  struct load *load = argument;
  fill_all(load);
  sem_post(&load->filled);
  sem_wait(&load->over);
  return NULL;
}

static size_t
left(const struct load *load)
{
  return resident() - load->before;
}

static void
assert_less_than_a_tenth(size_t bytes, const struct load *load)
{
  print_message("# %zu MiB of %zu MiB left\n", bytes / MIB, load->peak / MIB);
  assert_true(bytes <= load->peak / 10);
}

static void
one_fills_and_sleeps_another_frees(bool shuffled)
{
  struct load load;
  pthread_t   sleeper;
  load_begin(&load, 256 * 1024, 1024, 1024);
  pthread_create(&sleeper, NULL, fill_and_sleep, &load);
  sem_wait(&load.filled);
  if (shuffled)
    shuffle(&load);
  free_all(&load);
  size_t left_while_it_sleeps = left(&load);
  sem_post(&load.over);
  pthread_join(sleeper, NULL);
  assert_less_than_a_tenth(left_while_it_sleeps, &load);
  load_end(&load);
}

static void
blocks_that_another_thread_frees_are_not_stranded_in_a_sleeper(void **state)
{
  (void)state;
  one_fills_and_sleeps_another_frees(false);
}

static void
nor_are_they_when_freed_in_any_order(void **state)
{
  (void)state;
  one_fills_and_sleeps_another_frees(true);
}

static void
after_a_burst_of_mixed_sizes_its_own_thread_keeps_little(void **state)
{
  (void)state;
  struct load load;
  load_begin(&load, 128 * 1024, 16, 4096);
  fill_all(&load);
  shuffle(&load);
  free_all(&load);
  assert_less_than_a_tenth(left(&load), &load);
  load_end(&load);
}

static void
very_large_blocks_are_returned_at_once(void **state)
{
  (void)state;
  size_t before = resident();
  for (int i = 0; i < 4; i++) {
    void *block = sa_malloc(256 * MIB);
    sa_free(memset(block, 1, 256 * MIB));
    assert_true(resident() < before + 40 * MIB);
  }
}

static void
use_a_large_block(int times)
{
  for (int i = 0; i < times; i++)
    sa_free(memset(sa_malloc(16 * MIB), 1, 16 * MIB));
}

static void
the_pages_of_a_large_block_that_comes_and_goes_stay(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  sa_trim(); /* what other tests left idle would be in its way */
  use_a_large_block(3);
  size_t returned = stats_now().returned;
  use_a_large_block(20);
  assert_int_equal(stats_now().returned, returned);
}

static void
trim_gives_the_rest(void **state)
{
  (void)state;
  struct load load;
  sa_trim();
  load_begin(&load, 1024, 1024, 65536);
  fill_all(&load);
  free_all(&load);
  size_t idle = resident();
  size_t given = sa_trim();
  print_message("# %zu KiB of %zu KiB given\n", given / 1024, (idle - load.before) / 1024);
  assert_true(given >= (idle - load.before) * 3 / 4);
  assert_true(resident() - load.before <= 2 * MIB);
  load_end(&load);
}

static void *
use_a_little(void *unused)
{
  void *blocks[300];
  for (size_t i = 0; i < 300; i++)
    blocks[i] = memset(sa_malloc(16 + i * 8), 1, 16 + i * 8);
  for (size_t i = 0; i < 300; i++)
    sa_free(blocks[i]);
  return unused;
}

static void
short_threads(int count)
{
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, use_a_little, NULL), 0);
    pthread_join(thread, NULL);
  }
}

static void
ten_thousand_short_threads_leave_no_more_than_a_hundred_did(void **state)
{
  (void)state;
  short_threads(100);
  size_t after_hundred = resident();
  short_threads(9900);
  assert_true(resident() <= after_hundred + 64 * 1024);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(blocks_that_another_thread_frees_are_not_stranded_in_a_sleeper),
    cmocka_unit_test(nor_are_they_when_freed_in_any_order),
    cmocka_unit_test(after_a_burst_of_mixed_sizes_its_own_thread_keeps_little),
    cmocka_unit_test(very_large_blocks_are_returned_at_once),
    cmocka_unit_test(the_pages_of_a_large_block_that_comes_and_goes_stay),
    cmocka_unit_test(trim_gives_the_rest),
    cmocka_unit_test(ten_thousand_short_threads_leave_no_more_than_a_hundred_did),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
