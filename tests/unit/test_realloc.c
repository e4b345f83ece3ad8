/* sa_realloc. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

static void *
filled(size_t size, unsigned seed)
{
  void *block = sa_malloc(size);
  assert_non_null(block);
  fill(block, size, seed);
  return block;
}

static void *
resize(void *block, size_t size)
{
  void *moved = sa_realloc(block, size);
  assert_non_null(moved);
  assert_true(sa_usable_size(moved) >= size);
  return moved;
}

static void
growing_keeps_the_contents(void **state)
{
  (void)state;
  void *block = filled(1, 0);
  for (size_t size = 1; size < 64 * MIB;) {
    size_t larger = size * 3 / 2 + 1;
    block = resize(block, larger);
    assert_true(is_filled(block, size, 0));
    fill(block, larger, 0);
    size = larger;
  }
  sa_free(block);
}

static void
shrinking_keeps_what_still_fits(void **state)
{
  (void)state;
  void *block = filled(64 * MIB, 1);
  for (size_t size = 64 * MIB; size > 0; size = size * 2 / 3) {
    block = resize(block, size);
    assert_true(is_filled(block, size, 1));
  }
  sa_free(block);
}

static void
what_a_large_block_grows_by_belongs_to_nobody_else(void **state)
{
  (void)state;
  enum { COUNT = 4 };
  void *blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++)
    blocks[i] = filled(1 * MIB, i);
  for (size_t size = 2 * MIB; size <= 16 * MIB; size *= 2)
    for (unsigned i = 0; i < COUNT; i++) {
      blocks[i] = resize(blocks[i], size);
      assert_true(is_filled(blocks[i], size / 2, i));
      fill(blocks[i], size, i);
    }
  for (unsigned i = 0; i < COUNT; i++) {
    assert_true(is_filled(blocks[i], 16 * MIB, i));
    sa_free(blocks[i]);
  }
}

static void
what_a_large_block_shrinks_by_can_be_used_again(void **state)
{
  (void)state;
  void *shrunk = filled(32 * MIB, 2);
  shrunk = resize(shrunk, 1 * MIB);
  void *other = filled(32 * MIB, 3);
  assert_true(is_filled(shrunk, 1 * MIB, 2));
  assert_true(is_filled(other, 32 * MIB, 3));
  sa_free(shrunk);
  sa_free(other);
}

static void
a_large_block_keeps_nothing_that_it_shrinks_by(void **state)
{
  (void)state;
  void *block = filled(32 * MIB, 4);
  block = resize(block, 20 * MIB);
  assert_true(is_filled(block, 20 * MIB, 4));
  assert_int_equal(sa_usable_size(block), 20 * MIB);
  sa_free(block);
}

static void
NULL_makes_it_malloc(void **state)
{
  (void)state;
  void *block = resize(NULL, 100);
  fill(block, 100, 0);
  sa_free(block);
}

static void
size_zero_gives_a_block_and_does_not_free(void **state)
{
  (void)state;
  void *block = filled(1000, 0);
  block = sa_realloc(block, 0);
  assert_non_null(block);
  block = resize(block, 1000);
  sa_free(block);
}

static void
on_failure_the_old_block_stays_as_it_was(void **state)
{
  (void)state;
  const volatile size_t too_big = (size_t)PTRDIFF_MAX + 1;
  const size_t          sizes[] = {10, 10 * KIB, 10 * MIB};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *block = filled(sizes[i], i);
    errno = 0;
    assert_null(sa_realloc(block, too_big));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(sa_realloc(block, too_big - 1));
    assert_int_equal(errno, ENOMEM);
    assert_true(is_filled(block, sizes[i], i));
    sa_free(block);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(growing_keeps_the_contents),
    cmocka_unit_test(shrinking_keeps_what_still_fits),
    cmocka_unit_test(what_a_large_block_grows_by_belongs_to_nobody_else),
    cmocka_unit_test(what_a_large_block_shrinks_by_can_be_used_again),
    cmocka_unit_test(a_large_block_keeps_nothing_that_it_shrinks_by),
    cmocka_unit_test(NULL_makes_it_malloc),
    cmocka_unit_test(size_zero_gives_a_block_and_does_not_free),
    cmocka_unit_test(on_failure_the_old_block_stays_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
