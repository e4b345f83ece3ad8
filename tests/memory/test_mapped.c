/* sa_get_stats against what the system says. It looks for the engine's ranges in the engine itself,
 * which is why it is linked statically. SPDX-License-Identifier: MIT */
#include "counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "os/os.h"

/* The bytes of a range that /proc/self/maps says may be read and written. */
static size_t
mapped_in(uintptr_t from, size_t length)
{
  FILE     *maps = fopen("/proc/self/maps", "r");
  char      line[512];
  uintptr_t start, end;
  size_t    bytes = 0;
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps)) {
    char access[3] = "";
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %2s", &start, &end, access) != 3 || access[0] != 'r'
        || access[1] != 'w')
      continue;
    start = start > from ? start : from;
    end = end < from + length ? end : from + length;
    bytes += start < end ? end - start : 0;
  }
  fclose(maps);
  return bytes;
}

static size_t
mapped_for_engine(void)
{
  size_t            bytes = 0;
  struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++) {
    bytes += mapped_in(region->base, region->size);
    /* which start within a page */
    bytes += mapped_in((uintptr_t)region->slabs & -sa_os_page(),
                       region->chunks * SA_CHUNK_UNITS * sizeof(struct sa_slab) + sa_os_page());
    bytes += mapped_in((uintptr_t)region, sa_region_words_length(region));
  }
  for (struct sa_cache *cache = sa_caches_first(); cache; cache = cache->next)
    bytes += mapped_in((uintptr_t)cache, sa_cache_length());
  return bytes;
}

static void
assert_adds_up(void)
{
  sa_stats stats = stats_now();
  assert_int_equal(stats.live + stats.cached + stats.overhead, stats.mapped);
  assert_int_equal(stats.mapped + stats.empty, mapped_for_engine());
}

static void
live_cached_and_overhead_are_what_the_system_has_mapped(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  static void *blocks[20000];
  unsigned     seed = 1;
  sa_scope    *scope = sa_scope_create(NULL);
  for (unsigned round = 0; round < 20; round++) {
    for (size_t i = 0; i < 20000; i++) {
      seed = seed * 1664525 + 1013904223;
      if (seed >> 30 == 0) {
        sa_free(blocks[i]);
        blocks[i] = NULL;
      } else if (!blocks[i]) {
        size_t size = (size_t)1 << (seed >> 8) % 17;
        blocks[i] = seed >> 29 == 7 ? sa_scope_alloc(scope, size) : sa_malloc(size + seed % 7);
      }
    }
    assert_adds_up();
  }
  for (size_t i = 0; i < 20000; i++)
    sa_free(blocks[i]);
  sa_scope_destroy(scope);
  assert_adds_up();
  sa_trim();
  assert_adds_up();
}

static void
units_go_from_idle_to_empty_and_are_said_to_be_returned(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  sa_stats before = {.size = sizeof before}, after = before;
  sa_free(sa_malloc(1 * MIB));
  assert_int_equal(sa_get_stats(&before), 0);
  assert_true(before.cached >= 1 * MIB);
  size_t given = sa_trim();
  assert_true(given >= 1 * MIB);
  assert_int_equal(sa_get_stats(&after), 0);
  assert_int_equal(after.returned - before.returned, given);
  assert_int_equal(after.empty - before.empty, given);
  assert_int_equal(before.mapped - after.mapped, given);
}

/* As when it became something else just before it was copied: each byte of its map is no code, or that of a
 * block as long as a chunk. */
static void
a_copy_of_what_is_no_chunk_any_more_counts_nothing(void **state)
{
  (void)state;
  static const unsigned char bytes[] = {0x7f, 0x70};
  sa_scope                  *scope = sa_scope_create(NULL);
  char                      *unit = sa_malloc(2 * SA_UNIT);
  for (size_t i = 0; i < sizeof bytes; i++) {
    memset(unit, bytes[i], SA_UNIT);
    struct sa_lent_count count = sa_hooks_get()->count(unit, unit);
    assert_int_equal(count.blocks, 0);
    assert_int_equal(count.bytes, 0);
  }
  sa_free(unit);
  sa_scope_destroy(scope);
}

static void
what_is_there_in_part_is_said_to_be_gone(void **state)
{
  (void)state;
  const size_t page = sa_os_page();
  char        *pages = sa_os_reserve(2 * page, page), *copy = sa_malloc(2 * page);
  assert_true(sa_os_commit(pages, page));
  errno = 0;
  assert_true(sa_os_peek(copy, pages, page));
  assert_false(sa_os_peek(copy, pages, 2 * page));
  assert_int_equal(errno, EFAULT);
  sa_free(copy);
  sa_os_release(pages, 2 * page);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(live_cached_and_overhead_are_what_the_system_has_mapped),
    cmocka_unit_test(units_go_from_idle_to_empty_and_are_said_to_be_returned),
    cmocka_unit_test(a_copy_of_what_is_no_chunk_any_more_counts_nothing),
    cmocka_unit_test(what_is_there_in_part_is_said_to_be_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
