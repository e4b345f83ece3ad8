/* <stuballoc/stats.h>: the counts of a process. SPDX-License-Identifier: MIT */
#include "counts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void
assert_live(const sa_stats *before, size_t blocks, size_t bytes)
{
  sa_stats now = stats_now();
  assert_int_equal(now.live_blocks, before->live_blocks + blocks);
  assert_int_equal(now.live, before->live + bytes);
  assert_int_equal(now.live + now.cached + now.overhead, now.mapped);
}

static void
blocks_of_all_sizes_are_live_until_they_are_freed(void **state)
{
  (void)state;
  static const size_t sizes[] = {0, 1, 16, 100, 5000, 40000, 65536, 65537, 5 * MIB};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    sa_stats before = stats_now();
    void    *block = sa_malloc(sizes[i]);
    assert_live(&before, 1, sa_usable_size(block));
    sa_free(block);
    assert_live(&before, 0, 0);
  }
}

static void
blocks_of_scopes_are_live_until_the_scope_ends(void **state)
{
  (void)state;
  sa_stats  before = stats_now();
  sa_scope *scope = sa_scope_create(NULL);
  assert_live(&before, 0, 0);
  void *small = sa_scope_alloc(scope, 100);
  void *large = sa_scope_alloc(scope, 100000);
  assert_live(&before, 2, sa_usable_size(small) + sa_usable_size(large));
  sa_free(small);
  assert_live(&before, 1, sa_usable_size(large));
  sa_scope_destroy(scope);
  assert_live(&before, 0, 0);
}

/* More than one slab, so that some are full, one is current, and some are adopted and given up. */
static void
many_blocks_are_counted_one_by_one(void **state)
{
  (void)state;
  enum { MANY = 10000 };
  static void *blocks[MANY];
  sa_stats     before = stats_now();
  for (size_t i = 0; i < MANY; i++)
    blocks[i] = sa_malloc(48);
  assert_live(&before, MANY, MANY * 48);
  for (size_t i = 0; i < MANY; i += 3)
    sa_free(blocks[i]);
  size_t left = MANY - (MANY + 2) / 3;
  assert_live(&before, left, left * 48);
  for (size_t i = 0; i < MANY; i++)
    if (i % 3 != 0)
      sa_free(blocks[i]);
  assert_live(&before, 0, 0);
}

/* --- another thread --------------------------------------------------------------------------- */

struct helper {
  pthread_t         thread;
  pthread_barrier_t step;
  void             *blocks[3];
};

/* Holds some blocks, frees one of them, and holds the rest. */
static void *
help(void *argument)
{
  struct helper *helper = argument;
  for (size_t i = 0; i < 3; i++)
    helper->blocks[i] = sa_malloc(200);
  pthread_barrier_wait(&helper->step);
  pthread_barrier_wait(&helper->step);
  sa_free(helper->blocks[0]);
  pthread_barrier_wait(&helper->step);
  pthread_barrier_wait(&helper->step);
  return NULL;
}

static void
what_a_sleeping_thread_has_is_counted_exactly(void **state)
{
  (void)state;
  sa_stats      before = stats_now();
  struct helper helper;
  size_t        of_thread;
  pthread_barrier_init(&helper.step, NULL, 2);
  pthread_create(&helper.thread, NULL, help, &helper);
  pthread_barrier_wait(&helper.step);
  of_thread = sa_usable_size(helper.blocks[0]);
  assert_live(&before, 3, 3 * of_thread);
  pthread_barrier_wait(&helper.step);
  pthread_barrier_wait(&helper.step);
  assert_live(&before, 2, 2 * of_thread);
  sa_free(helper.blocks[1]); /* waits for company on its way to the thread's slab */
  assert_live(&before, 1, of_thread);
  pthread_barrier_wait(&helper.step);
  pthread_join(helper.thread, NULL);
  sa_free(helper.blocks[2]);
  assert_live(&before, 0, 0);
  pthread_barrier_destroy(&helper.step);
}

/* --- classes and caches ----------------------------------------------------------------------- */

static sa_class_stats
class_of(size_t block_size)
{
  sa_class_stats classes[100];
  size_t         count = sa_get_class_stats(classes, 100);
  assert_true(count >= 1 && count <= 100);
  for (size_t i = 0; i < count; i++)
    if (classes[i].block_size == block_size)
      return classes[i];
  return (sa_class_stats){0};
}

static void
each_size_is_counted_for_itself(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  void          *first = sa_malloc(640);
  sa_class_stats before = class_of(640);
  void          *second = sa_malloc(640);
  sa_class_stats after = class_of(640);
  assert_int_equal(after.live_blocks, before.live_blocks + 1);
  assert_int_equal(after.live, before.live + 640);
  assert_int_equal(after.cached, before.cached - 640);
  sa_free(first);
  sa_free(second);
}

static void
a_cache_tells_what_it_keeps(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  sa_cache_stats cache;
  void          *block = sa_malloc(640);
  assert_int_equal(sa_get_cache_stats(&cache, 1), 1); /* one thread is left */
  size_t slabs = cache.slabs, cached = cache.cached;
  assert_true(slabs >= 1);
  sa_free(block);
  assert_int_equal(sa_get_cache_stats(&cache, 1), 1);
  assert_int_equal(cache.slabs, slabs);
  assert_int_equal(cache.cached, cached + 640);
  sa_trim();
  assert_int_equal(sa_get_cache_stats(&cache, 1), 1);
  assert_int_equal(cache.slabs + cache.adopted + cache.cached + cache.sending, 0);
}

/* --- the struct's size ------------------------------------------------------------------------ */

static void
a_struct_that_is_too_small_is_refused(void **state)
{
  (void)state;
  sa_stats stats = {.size = 8, .live = 17};
  errno = 0;
  assert_int_equal(sa_get_stats(&stats), -1);
  assert_int_equal(errno, EINVAL);
  assert_int_equal(stats.live, 17);
}

static void
a_longer_struct_of_a_later_version_is_filled_as_far_as_known(void **state)
{
  (void)state;
  struct {
    sa_stats stats;
    size_t   later;
  } longer = {.stats.size = sizeof longer, .later = 17};
  assert_int_equal(sa_get_stats(&longer.stats), 0);
  assert_int_equal(longer.stats.size, sizeof longer.stats);
  assert_int_equal(longer.later, 17);
}

/* Its last member was added after the first version. */
static void
a_shorter_struct_of_an_earlier_version_is_filled_as_far_as_it_goes(void **state)
{
  (void)state;
  sa_stats now = stats_now();
  sa_stats shorter = {.size = offsetof(sa_stats, misuses), .misuses = 17};
  assert_int_equal(sa_get_stats(&shorter), 0);
  assert_int_equal(shorter.size, offsetof(sa_stats, misuses));
  assert_int_equal(shorter.misuses, 17);
  assert_int_equal(shorter.mapped, now.mapped);
  assert_int_equal(shorter.caches, now.caches);
}

static void
assert_zero(const size_t *numbers, size_t count)
{
  for (size_t i = 0; i < count; i++)
    assert_int_equal(numbers[i], 0);
}

static void
what_is_reserved_in_a_row_is_zero(void **state)
{
  (void)state;
  sa_class_stats of_class;
  sa_cache_stats of_cache;
  void          *block = sa_malloc(100);
  memset(&of_class, 0xff, sizeof of_class);
  memset(&of_cache, 0xff, sizeof of_cache);
  assert_true(sa_get_class_stats(&of_class, 1) >= 1);
  assert_true(sa_get_cache_stats(&of_cache, 1) >= 1);
  assert_zero(of_class.reserved, sizeof of_class.reserved / sizeof *of_class.reserved);
  assert_zero(of_cache.reserved, sizeof of_cache.reserved / sizeof *of_cache.reserved);
  sa_free(block);
}

/* --- formats ---------------------------------------------------------------------------------- */

static char   written[64 * KIB];
static size_t written_length;

static void
append(void *context, const char *text, size_t length)
{
  assert_ptr_equal(context, written);
  assert_true(written_length + length < sizeof written);
  memcpy(written + written_length, text, length);
  written_length += length;
  written[written_length] = '\0';
}

static const char *
write_as(int format)
{
  written_length = 0;
  assert_int_equal(sa_write_stats(format, append, written), 0);
  return written;
}

static void
the_same_figures_come_in_each_format(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  char  expected[100];
  void *blocks[7];
  for (size_t i = 0; i < 7; i++)
    blocks[i] = sa_malloc(1792);
  snprintf(expected, sizeof expected, "\n%13d%13d%13d%13d", 1792, 1, 7, 7 * 1792);
  assert_non_null(strstr(write_as(SA_STATS_TEXT), expected));
  assert_non_null(
    strstr(write_as(SA_STATS_JSON),
           "{\"size\": 1792, \"slabs\": 1, \"live_blocks\": 7, \"live_bytes\": 12544,"));
  assert_non_null(
    strstr(write_as(SA_STATS_PROMETHEUS), "\nstuballoc_class_live_blocks{size=\"1792\"} 7\n"));
  assert_non_null(strstr(written, "\n# TYPE stuballoc_returned_bytes_total counter\n"));
  for (size_t i = 0; i < 7; i++)
    sa_free(blocks[i]);
}

static void
an_unknown_format_is_refused(void **state)
{
  (void)state;
  written_length = 0;
  assert_int_equal(sa_write_stats(3, append, written), -1);
  assert_int_equal(errno, EINVAL);
  assert_int_equal(written_length, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(blocks_of_all_sizes_are_live_until_they_are_freed),
    cmocka_unit_test(blocks_of_scopes_are_live_until_the_scope_ends),
    cmocka_unit_test(many_blocks_are_counted_one_by_one),
    cmocka_unit_test(what_a_sleeping_thread_has_is_counted_exactly),
    cmocka_unit_test(each_size_is_counted_for_itself),
    cmocka_unit_test(a_cache_tells_what_it_keeps),
    cmocka_unit_test(a_struct_that_is_too_small_is_refused),
    cmocka_unit_test(a_longer_struct_of_a_later_version_is_filled_as_far_as_known),
    cmocka_unit_test(a_shorter_struct_of_an_earlier_version_is_filled_as_far_as_it_goes),
    cmocka_unit_test(what_is_reserved_in_a_row_is_zero),
    cmocka_unit_test(the_same_figures_come_in_each_format),
    cmocka_unit_test(an_unknown_format_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
