/* Blocks of a scope: sizes, freeing, resizing, keeping. SPDX-License-Identifier: MIT */
#include "scope_test.h"

/* Around every boundary: granules, codes, large blocks. */
static const size_t sizes[] = {0,    1,    15,    16,    17,    100,   1023,  1024,   1025,
                               1152, 1153, 16383, 16384, 16385, 65536, 65537, 1 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes };

static int
with_scope(void **state)
{
  *state = sa_scope_create(&(sa_scope_options){.name = "blocks"});
  return *state && sa_scope_enter(*state) == 0 ? 0 : -1;
}

static int
without_scope(void **state)
{
  sa_scope_leave(*state);
  sa_scope_destroy(*state);
  return 0;
}

static void
a_block_has_the_size_that_was_asked_for_and_is_aligned_to_16(void **state)
{
  void *blocks[SIZES];
  for (unsigned i = 0; i < SIZES; i++) {
    blocks[i] = sa_scope_alloc(*state, sizes[i]);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % 16, 0);
    assert_true(sa_usable_size(blocks[i]) >= sizes[i]);
    fill(blocks[i], sa_usable_size(blocks[i]), i);
  }
  for (unsigned i = 0; i < SIZES; i++)
    assert_true(is_filled(blocks[i], sa_usable_size(blocks[i]), i));
}

static void
at_most_an_eighth_of_a_block_is_waste(void **state)
{
  for (size_t size = 16; size <= 16384; size += 13) {
    size_t usable = sa_usable_size(sa_scope_alloc(*state, size));
    assert_true(usable < size + 16 || usable - size <= size / 8);
  }
}

static void
size_0_gives_a_block_of_its_own(void **state)
{
  void *first = sa_scope_alloc(*state, 0);
  void *second = sa_scope_alloc(*state, 0);
  assert_non_null(first);
  assert_non_null(second);
  assert_ptr_not_equal(first, second);
  sa_free(first);
  sa_free(second);
}

static void
a_size_over_PTRDIFF_MAX_gives_no_memory(void **state)
{
  const size_t too_large[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX - 15, SIZE_MAX - 1, SIZE_MAX};
  for (unsigned i = 0; i < 4; i++) {
    errno = 0;
    assert_null(sa_scope_alloc(*state, too_large[i]));
    assert_int_equal(errno, ENOMEM);
  }
  assert_non_null(sa_scope_alloc(*state, 16));
  assert_true(stats_of(*state).peak < 1 * MIB);
  assert_int_equal(stats_of(*state).over_budget, 0);
}

static void
alloc_works_in_a_scope_that_the_thread_is_not_inside(void **state)
{
  sa_scope *scope = *state;
  sa_scope *other = sa_scope_create(NULL);
  for (unsigned i = 0; i < SIZES; i++) {
    char *block = sa_scope_alloc(other, sizes[i]);
    assert_non_null(block);
    fill(block, sizes[i], i);
  }
  assert_ptr_equal(sa_scope_current(), scope);
  assert_int_equal(stats_of(scope).blocks, 0);
  assert_int_equal(stats_of(other).blocks, SIZES);
  sa_scope_destroy(other);
}

/* --- reuse ------------------------------------------------------------------------------------ */

static void
a_freed_block_is_used_again_at_once(void **state)
{
  for (unsigned i = 0; i < SIZES; i++) {
    if (sizes[i] > largest_small())
      continue;
    void *block = sa_scope_alloc(*state, sizes[i]);
    void *another = sa_scope_alloc(*state, sizes[i]);
    sa_free(block);
    assert_ptr_equal(sa_scope_alloc(*state, sizes[i]), block);
    sa_free(another);
    sa_free(block);
  }
}

static void
a_freed_large_block_is_given_back_at_once(void **state)
{
  size_t before = stats_of(*state).held;
  void  *block = sa_scope_alloc(*state, 1 << 20);
  assert_true(stats_of(*state).held >= before + (1 << 20));
  sa_free(block);
  /* but for what notes that there was one */
  assert_true(stats_of(*state).held <= before + 16 * KIB);
}

enum { TEMPORARIES = 40, CALLS = 1000000 / SLOWER };

static unsigned
next_random(unsigned *random)
{
  *random = *random * 1664525 + 1013904223;
  return *random >> 8;
}

/* One call: allocates its temporaries, and frees them in another order. */
static void
call(sa_scope *scope, unsigned *random, bool same_sizes)
{
  unsigned own = 7;
  void    *blocks[TEMPORARIES];
  for (unsigned i = 0; i < TEMPORARIES; i++) {
    blocks[i] = sa_scope_alloc(scope, next_random(same_sizes ? &own : random) % 1500);
    assert_non_null(blocks[i]);
  }
  for (unsigned i = 0; i < TEMPORARIES; i++)
    sa_free(blocks[i * 7 % TEMPORARIES]);
}

static void
a_million_calls_stay_within_twice_the_memory_of_one(void **state)
{
  sa_scope *scope = *state;
  unsigned  random = 1;
  call(scope, &random, true);
  size_t once = stats_of(scope).held;
  for (unsigned i = 0; i < CALLS; i++)
    call(scope, &random, true);
  assert_true(stats_of(scope).peak <= 2 * once);
}

static void
a_million_calls_of_varying_sizes_do_not_grow_beyond_twice_the_largest(void **state)
{
  sa_scope *scope = *state;
  unsigned  random = 1;
  for (unsigned i = 0; i < CALLS; i++)
    call(scope, &random, false);
  assert_true(stats_of(scope).peak <= (size_t)2 * TEMPORARIES * 1500);
}

static void
free_blocks_that_are_neighbours_make_room_for_larger_ones(void **state)
{
  sa_scope *scope = *state;
  enum { BLOCKS = 2000 };
  void *blocks[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++)
    blocks[i] = sa_scope_alloc(scope, 100);
  for (unsigned i = 0; i < BLOCKS; i++)
    sa_free(blocks[i]);
  size_t held = stats_of(scope).held;
  for (unsigned i = 0; i < BLOCKS * 100 / 5000; i++)
    assert_non_null(sa_scope_alloc(scope, 4000));
  assert_int_equal(stats_of(scope).held, held);
}

/* --- resizing --------------------------------------------------------------------------------- */

static void
realloc_keeps_the_contents_and_the_scope(void **state)
{
  for (unsigned from = 0; from < SIZES; from++)
    for (unsigned to = 0; to < SIZES; to++) {
      size_t less = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
      void  *block = sa_scope_alloc(*state, sizes[from]);
      fill(block, sizes[from], from);
      block = sa_realloc(block, sizes[to]);
      assert_non_null(block);
      assert_true(is_filled(block, less, from));
      assert_true(sa_usable_size(block) >= sizes[to]);
      assert_int_equal(stats_of(*state).blocks, 1);
      sa_free(block);
    }
}

static void
a_realloc_that_fails_leaves_the_block_as_it_was(void **state)
{
  (void)state;
  sa_scope       *scope = sa_scope_create(&(sa_scope_options){.budget = 100000});
  const size_t    from[] = {100, 5000, 30000};
  volatile size_t over_the_limit = SIZE_MAX; /* or the compiler would say so */
  for (unsigned i = 0; i < 3; i++) {
    void *block = sa_scope_alloc(scope, from[i]);
    fill(block, from[i], i);
    errno = 0;
    assert_null(sa_realloc(block, 200000));
    assert_int_equal(errno, ENOMEM);
    assert_null(sa_realloc(block, over_the_limit));
    assert_true(is_filled(block, from[i], i));
    sa_free(block);
  }
  sa_scope_destroy(scope);
}

/* --- keeping ---------------------------------------------------------------------------------- */

static void
keep_lets_a_block_survive_its_scope(void **state)
{
  (void)state;
  void     *kept[SIZES];
  sa_scope *scope = sa_scope_create(NULL);
  for (unsigned i = 0; i < SIZES; i++) {
    kept[i] = sa_scope_alloc(scope, sizes[i]);
    fill(kept[i], sizes[i], i);
    kept[i] = sa_scope_keep(kept[i]);
    assert_non_null(kept[i]);
  }
  assert_int_equal(stats_of(scope).blocks, 0);
  sa_scope_destroy(scope);
  for (unsigned i = 0; i < SIZES; i++) {
    assert_true(is_filled(kept[i], sizes[i], i));
    assert_true(sa_usable_size(kept[i]) >= sizes[i]);
    kept[i] = sa_realloc(kept[i], 2 * sizes[i]);
    assert_true(is_filled(kept[i], sizes[i], i));
    sa_free(kept[i]);
  }
}

static void
free_sized_frees_what_was_asked_for_with_that_size(void **state)
{
  for (size_t size = 0; size <= 1 * MIB; size = size * 3 + 1) {
    sa_free_sized(sa_scope_alloc(*state, size), size);
    sa_free_sized(sa_realloc(sa_scope_alloc(*state, size), size + 1), size + 1);
    sa_free_sized(sa_scope_keep(sa_scope_alloc(*state, size + 1)), size + 1);
  }
  assert_int_equal(stats_of(*state).blocks, 0);
}

static void
keep_copies_a_small_block_and_not_a_large_one(void **state)
{
  void *small = sa_scope_alloc(*state, 100);
  void *large = sa_scope_alloc(*state, 200000);
  void *kept_small = sa_scope_keep(small);
  void *kept_large = sa_scope_keep(large);
  assert_ptr_not_equal(kept_small, small);
  assert_ptr_equal(kept_large, large);
  assert_true(stats_of(*state).held < 100000);          /* it is charged no more */
  assert_ptr_equal(sa_scope_alloc(*state, 100), small); /* where the copy was made from is free */
  sa_free(kept_small);
  sa_free(kept_large);
}

static void
keep_returns_a_block_that_is_in_no_scope_and_null_as_they_are(void **state)
{
  (void)state;
  void *small = sa_malloc(100);
  void *large = sa_malloc(200000);
  assert_ptr_equal(sa_scope_keep(small), small);
  assert_ptr_equal(sa_scope_keep(large), large);
  assert_null(sa_scope_keep(NULL));
  sa_free(small);
  sa_free(large);
}

#define IN_SCOPE(test) cmocka_unit_test_setup_teardown(test, with_scope, without_scope)

int
main(void)
{
  const struct CMUnitTest tests[] = {
    IN_SCOPE(a_block_has_the_size_that_was_asked_for_and_is_aligned_to_16),
    IN_SCOPE(at_most_an_eighth_of_a_block_is_waste),
    IN_SCOPE(size_0_gives_a_block_of_its_own),
    IN_SCOPE(a_size_over_PTRDIFF_MAX_gives_no_memory),
    IN_SCOPE(alloc_works_in_a_scope_that_the_thread_is_not_inside),
    IN_SCOPE(a_freed_block_is_used_again_at_once),
    IN_SCOPE(a_freed_large_block_is_given_back_at_once),
    IN_SCOPE(a_million_calls_stay_within_twice_the_memory_of_one),
    IN_SCOPE(a_million_calls_of_varying_sizes_do_not_grow_beyond_twice_the_largest),
    IN_SCOPE(free_blocks_that_are_neighbours_make_room_for_larger_ones),
    IN_SCOPE(realloc_keeps_the_contents_and_the_scope),
    IN_SCOPE(a_realloc_that_fails_leaves_the_block_as_it_was),
    IN_SCOPE(keep_lets_a_block_survive_its_scope),
    IN_SCOPE(free_sized_frees_what_was_asked_for_with_that_size),
    IN_SCOPE(keep_copies_a_small_block_and_not_a_large_one),
    IN_SCOPE(keep_returns_a_block_that_is_in_no_scope_and_null_as_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
