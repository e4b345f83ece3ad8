/* sa_malloc, sa_free, sa_usable_size, sa_trim on one thread. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <string.h>

/* Volatile, so that the compiler does not object to sizes that are meant to be too big. */
static const volatile size_t TOO_BIG = (size_t)PTRDIFF_MAX + 1;

/* Every size up to a page, then a few around each power of two. */
static size_t
next_size(size_t size)
{
  if (size < 4 * KIB)
    return size + 1;
  size_t power = (size_t)1 << (63 - __builtin_clzll(size + 1));
  return size + 1 == power ? power : size == power ? power + 1 : 2 * power - 1;
}

static void
a_block_holds_as_many_bytes_as_were_asked_for(void **state)
{
  (void)state;
  for (size_t size = 1; size <= 64 * MIB; size = next_size(size)) {
    unsigned char *block = sa_malloc(size);
    assert_non_null(block);
    block[0] = block[size / 2] = block[size - 1] = 1;
    sa_free(block);
  }
}

static void
blocks_do_not_overlap(void **state)
{
  (void)state;
  enum { COUNT = 2000 };
  static void *blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++) {
    blocks[i] = sa_malloc(i);
    assert_non_null(blocks[i]);
    fill(blocks[i], i, i);
  }
  for (unsigned i = 0; i < COUNT; i++)
    assert_true(is_filled(blocks[i], i, i));
  for (unsigned i = 0; i < COUNT; i++)
    sa_free(blocks[i]);
}

static void
blocks_are_aligned_to_16_bytes_and_small_ones_to_8(void **state)
{
  (void)state;
  enum { COUNT = 10 };
  for (size_t size = 0; size <= 64 * MIB; size = next_size(size)) {
    void     *blocks[COUNT];
    uintptr_t mask = size < 16 ? 7 : 15;
    for (unsigned i = 0; i < COUNT; i++)
      blocks[i] = sa_malloc(size);
    for (unsigned i = 0; i < COUNT; i++) {
      assert_int_equal((uintptr_t)blocks[i] & mask, 0);
      sa_free(blocks[i]);
    }
  }
}

static void
size_zero_gives_a_block_of_its_own(void **state)
{
  (void)state;
  void *one = sa_malloc(0);
  void *other = sa_malloc(0);
  assert_non_null(one);
  assert_non_null(other);
  assert_ptr_not_equal(one, other);
  sa_free(one);
  sa_free(other);
}

static void
more_than_PTRDIFF_MAX_is_ENOMEM(void **state)
{
  (void)state;
  const size_t sizes[] = {TOO_BIG, TOO_BIG + 4 * KIB, SIZE_MAX - 4 * KIB, SIZE_MAX};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    errno = 0;
    assert_null(sa_malloc(sizes[i]));
    assert_int_equal(errno, ENOMEM);
  }
}

static void
more_than_the_machine_has_is_ENOMEM(void **state)
{
  (void)state;
  errno = 0;
  assert_null(sa_malloc(TOO_BIG - 1));
  assert_int_equal(errno, ENOMEM);
}

static void
free_ignores_NULL(void **state)
{
  (void)state;
  sa_free(NULL);
}

static void
free_keeps_errno(void **state)
{
  (void)state;
  for (size_t size = 1; size <= 256 * MIB; size *= 4) {
    void *block = sa_malloc(size);
    assert_non_null(block);
    errno = EDOM;
    sa_free(block);
    assert_int_equal(errno, EDOM);
  }
}

/* However it was asked for. */
static void
free_sized_frees_what_was_asked_for_with_that_size(void **state)
{
  (void)state;
  sa_free_sized(NULL, 100);
  for (size_t size = 0; size <= 1 * MIB; size = size * 3 + 1) {
    sa_free_sized(sa_malloc(size), size);
    sa_free_sized(sa_calloc(2, size), 2 * size);
    sa_free_sized(sa_aligned_alloc(256, size), size);
    sa_free_sized(sa_realloc(sa_malloc(1000), size), size);
    sa_free_sized(sa_realloc(sa_malloc(size), size + 1), size + 1);
  }
}

static void
all_usable_bytes_may_be_used(void **state)
{
  (void)state;
  for (size_t size = 0; size <= 4 * MIB; size = next_size(size)) {
    void *block = sa_malloc(size);
    assert_non_null(block);
    size_t usable = sa_usable_size(block);
    assert_true(usable >= size);
    memset(block, 0xff, usable);
    sa_free(block);
  }
}

static void
at_most_an_eighth_is_wasted_from_128_bytes_on(void **state)
{
  (void)state;
  for (size_t size = 128; size <= 1 * MIB; size += size < 64 * KIB ? 1 : 1009) {
    void *block = sa_malloc(size);
    assert_non_null(block);
    assert_true(sa_usable_size(block) - size <= size / 8);
    sa_free(block);
  }
}

static void
the_usable_size_of_NULL_is_zero(void **state)
{
  (void)state;
  assert_int_equal(sa_usable_size(NULL), 0);
}

static void
trim_leaves_blocks_in_use_alone(void **state)
{
  (void)state;
  enum { COUNT = 3000 };
  static void *blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++) {
    blocks[i] = sa_malloc(i);
    assert_non_null(blocks[i]);
    fill(blocks[i], i, i);
  }
  for (unsigned i = 1; i < COUNT; i += 2)
    sa_free(blocks[i]);
  sa_trim();
  for (unsigned i = 0; i < COUNT; i += 2) {
    assert_true(is_filled(blocks[i], i, i));
    sa_free(blocks[i]);
  }
}

static void
a_second_trim_finds_nothing_to_give(void **state)
{
  (void)state;
  enum { COUNT = 64 };
  void *blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++) {
    blocks[i] = sa_malloc(256 * KIB);
    assert_non_null(blocks[i]);
    memset(blocks[i], 1, 256 * KIB);
  }
  sa_trim();
  for (unsigned i = 0; i < COUNT; i++)
    sa_free(blocks[i]);
  sa_trim();
  assert_int_equal(sa_trim(), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_block_holds_as_many_bytes_as_were_asked_for),
    cmocka_unit_test(blocks_do_not_overlap),
    cmocka_unit_test(blocks_are_aligned_to_16_bytes_and_small_ones_to_8),
    cmocka_unit_test(size_zero_gives_a_block_of_its_own),
    cmocka_unit_test(more_than_PTRDIFF_MAX_is_ENOMEM),
    cmocka_unit_test(more_than_the_machine_has_is_ENOMEM),
    cmocka_unit_test(free_ignores_NULL),
    cmocka_unit_test(free_keeps_errno),
    cmocka_unit_test(free_sized_frees_what_was_asked_for_with_that_size),
    cmocka_unit_test(all_usable_bytes_may_be_used),
    cmocka_unit_test(at_most_an_eighth_is_wasted_from_128_bytes_on),
    cmocka_unit_test(the_usable_size_of_NULL_is_zero),
    cmocka_unit_test(trim_leaves_blocks_in_use_alone),
    cmocka_unit_test(a_second_trim_finds_nothing_to_give),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
