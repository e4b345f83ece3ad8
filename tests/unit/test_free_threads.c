/* Blocks that change threads, and threads that end. SPDX-License-Identifier: MIT */
#include "counts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BLOCKS = 5000 };

/* From 8 bytes to 256 KiB, many small and few large. */
static size_t
size_of(unsigned i)
{
  return i % 500 == 499 ? 256 * KIB : i % 20 == 19 ? 5000 : i % 600 + 1;
}

static void *
allocate_all(void *argument)
{
  void **blocks = argument;
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = sa_malloc(size_of(i));
    if (blocks[i])
      fill(blocks[i], size_of(i), i);
  }
  return NULL;
}

/* Returns NULL, or the first block whose contents have changed. */
static void *
check_and_free_all(void *argument)
{
  void **blocks = argument;
  void  *changed = NULL;
  for (unsigned i = 0; i < BLOCKS; i++) {
    if (!changed && (!blocks[i] || !is_filled(blocks[i], size_of(i), i)))
      changed = &blocks[i];
    sa_free(blocks[i]);
  }
  return changed;
}

static void *
in_thread(void *(*body)(void *), void *argument)
{
  pthread_t thread;
  void     *result;
  assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
  assert_int_equal(pthread_join(thread, &result), 0);
  return result;
}

static void
another_thread_may_free(void **state)
{
  (void)state;
  static void *blocks[BLOCKS];
  for (unsigned round = 0; round < 5; round++) {
    allocate_all(blocks);
    assert_null(in_thread(check_and_free_all, blocks));
  }
}

static void
blocks_outlive_their_thread(void **state)
{
  (void)state;
  static void *blocks[BLOCKS];
  for (unsigned round = 0; round < 5; round++) {
    in_thread(allocate_all, blocks);
    assert_null(check_and_free_all(blocks));
  }
}

static void
blocks_of_an_ended_thread_may_be_freed_by_a_third(void **state)
{
  (void)state;
  static void *blocks[BLOCKS];
  in_thread(allocate_all, blocks);
  assert_null(in_thread(check_and_free_all, blocks));
}

static void *
resize_all(void *argument)
{
  void **blocks = argument;
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = sa_realloc(blocks[i], 2 * size_of(i));
    blocks[i] = blocks[i] ? sa_realloc(blocks[i], size_of(i)) : NULL;
  }
  return NULL;
}

static void
another_thread_may_resize(void **state)
{
  (void)state;
  static void *blocks[BLOCKS];
  allocate_all(blocks);
  in_thread(resize_all, blocks);
  assert_null(check_and_free_all(blocks));
}

/* --- blocks that go round ----------------------------------------------------------------------
 */

enum { THREADS = 4, SLOTS = 256, STEPS = 100000 };

struct parcel {
  size_t   size; /* of what follows */
  unsigned seed;
  char     contents[];
};

static struct parcel *
pack(size_t size, unsigned seed)
{
  struct parcel *parcel = sa_malloc(sizeof *parcel + size);
  if (parcel) {
    parcel->size = size;
    parcel->seed = seed;
    fill(parcel->contents, size, seed);
  }
  return parcel;
}

/* Frees it and tells whether it had been left alone. */
static int
unpack(struct parcel *parcel)
{
  int intact = !parcel || is_filled(parcel->contents, parcel->size, parcel->seed);
  sa_free(parcel);
  return intact;
}

static _Atomic(struct parcel *) slots[SLOTS];
static atomic_uint              damaged;

/* Puts a parcel into any slot and unpacks what was there, whoever put it. */
static void *
trade(void *argument)
{
  unsigned random = (unsigned)(uintptr_t)argument;
  for (unsigned i = 0; i < STEPS; i++) {
    random = random * 1664525 + 1013904223;
    struct parcel *mine = pack((random >> 8) % 1500, random);
    struct parcel *theirs = atomic_exchange(&slots[(random >> 20) % SLOTS], mine);
    if (!mine || !unpack(theirs))
      atomic_fetch_add(&damaged, 1);
  }
  return NULL;
}

static void
blocks_go_round_between_threads(void **state)
{
  (void)state;
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, trade, (void *)(i + 1)), 0);
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (unsigned i = 0; i < SLOTS; i++)
    assert_true(unpack(atomic_exchange(&slots[i], NULL)));
  assert_int_equal(damaged, 0);
}

/* --- ends of threads ---------------------------------------------------------------------------
 */

/* Made before the program's first allocation, and after it: destructors run in the order of the
 * keys in the systems we know, so one of them runs before the engine's own and one after. */
static pthread_key_t early_key, late_key;
static atomic_uint   destroyed;

/* Each value counts the rounds that its destructor is still to be called for. */
struct last_words {
  pthread_key_t key;
  unsigned      rounds;
  void         *block; /* freed in the last round */
};

static void
allocate_and_free_at_the_end(void *argument)
{
  struct last_words *words = argument;
  void              *block = sa_malloc(100);
  void              *large = sa_malloc(1 * MIB);
  if (!block || !large)
    return;
  sa_free(block);
  sa_free(large);
  if (--words->rounds > 0) {
    pthread_setspecific(words->key, words);
    return;
  }
  sa_free(words->block);
  sa_free(words);
  atomic_fetch_add(&destroyed, 1);
}

/* Of the threads that have ended since then. */
static void
assert_nothing_is_left(const sa_stats *before)
{
  sa_stats now = stats_now();
  assert_int_equal(now.live_blocks, before->live_blocks);
  assert_int_equal(now.caches, before->caches);
}

static void
leave_last_words(pthread_key_t key, unsigned rounds)
{
  struct last_words *words = sa_malloc(sizeof *words);
  words->key = key;
  words->rounds = rounds;
  words->block = sa_malloc(5000);
  pthread_setspecific(key, words);
}

static void *
leave_both(void *rounds)
{
  leave_last_words(late_key, *(unsigned *)rounds);
  leave_last_words(early_key, *(unsigned *)rounds);
  return NULL;
}

static void
destructors_before_and_after_ours_may_allocate_and_free(void **state)
{
  (void)state;
  sa_stats before = stats_now();
  destroyed = 0;
  in_thread(leave_both, &(unsigned){1});
  assert_int_equal(destroyed, 2);
  assert_nothing_is_left(&before);
}

static void
destructors_may_do_so_in_every_round(void **state)
{
  (void)state;
  sa_stats before = stats_now();
  destroyed = 0;
  /* POSIX promises four rounds */
  in_thread(leave_both, &(unsigned){4});
  assert_int_equal(destroyed, 2);
  assert_nothing_is_left(&before);
}

static void *
leave_block_of_main(void *block)
{
  pthread_setspecific(early_key, block);
  return NULL;
}

static void
a_destructor_may_be_the_first_of_its_thread_to_allocate(void **state)
{
  (void)state;
  sa_stats before = stats_now();
  destroyed = 0;
  struct last_words *words = sa_malloc(sizeof *words);
  assert_non_null(words);
  *words = (struct last_words){early_key, 1, sa_malloc(10)};
  in_thread(leave_block_of_main, words);
  assert_int_equal(destroyed, 1);
  assert_nothing_is_left(&before);
}

static void
many_threads_in_a_row_may_end_so(void **state)
{
  (void)state;
  destroyed = 0;
  in_thread(leave_both, &(unsigned){1});
  sa_stats after_one = stats_now();
  for (unsigned i = 1; i < 1000; i++)
    in_thread(leave_both, &(unsigned){1});
  assert_int_equal(destroyed, 2000);
  assert_nothing_is_left(&after_one);
  assert_true(stats_now().mapped <= after_one.mapped);
}

/* --- end of the program ------------------------------------------------------------------------
 */

static void *block_for_exit;

static void
allocate_at_exit(void)
{
  sa_free(block_for_exit);
  void *block = sa_malloc(5000);
  if (!block)
    _Exit(1);
  fill(block, 5000, 1);
  sa_free(block);
}

static void
exit_with_handler(void *unused)
{
  (void)unused;
  atexit(allocate_at_exit);
  block_for_exit = sa_malloc(100);
}

static void
an_atexit_handler_may_allocate_and_free(void **state)
{
  (void)state;
  struct child child = child_run(exit_with_handler, NULL);
  assert_string_equal(child.said, "");
  assert_int_equal(child.status, 0);
}

int
main(void)
{
  pthread_key_create(&early_key, allocate_and_free_at_the_end);
  sa_free(sa_malloc(1));
  pthread_key_create(&late_key, allocate_and_free_at_the_end);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(another_thread_may_free),
    cmocka_unit_test(blocks_outlive_their_thread),
    cmocka_unit_test(blocks_of_an_ended_thread_may_be_freed_by_a_third),
    cmocka_unit_test(another_thread_may_resize),
    cmocka_unit_test(blocks_go_round_between_threads),
    cmocka_unit_test(destructors_before_and_after_ours_may_allocate_and_free),
    cmocka_unit_test(destructors_may_do_so_in_every_round),
    cmocka_unit_test(a_destructor_may_be_the_first_of_its_thread_to_allocate),
    cmocka_unit_test(many_threads_in_a_row_may_end_so),
    cmocka_unit_test(an_atexit_handler_may_allocate_and_free),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
