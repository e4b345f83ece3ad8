/* sa_aligned_alloc. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

/* Volatile, so that the compiler does not object to alignments that are meant to be wrong. */
static void *
aligned(size_t wanted, size_t size)
{
  volatile size_t alignment = wanted;
  return sa_aligned_alloc(alignment, size);
}

static int
is_aligned(const void *block, size_t alignment)
{
  return ((uintptr_t)block & (alignment - 1)) == 0;
}

static void
every_power_of_two_is_kept(void **state)
{
  (void)state;
  enum { COUNT = 4 };
  for (size_t alignment = 1; alignment <= 16 * MIB; alignment *= 2)
    for (size_t size = 1; size <= 1 * MIB; size = size * 5 + 3) {
      void *blocks[COUNT];
      for (unsigned i = 0; i < COUNT; i++) {
        blocks[i] = aligned(alignment, size);
        assert_non_null(blocks[i]);
        assert_true(is_aligned(blocks[i], alignment));
        fill(blocks[i], size, i);
      }
      for (unsigned i = 0; i < COUNT; i++) {
        assert_true(is_filled(blocks[i], size, i));
        sa_free(blocks[i]);
      }
    }
}

static void
all_usable_bytes_may_be_used(void **state)
{
  (void)state;
  for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2) {
    void  *block = aligned(alignment, 1000);
    size_t usable = sa_usable_size(block);
    assert_true(usable >= 1000);
    fill(block, usable, 1);
    assert_true(is_filled(block, usable, 1));
    sa_free(block);
  }
}

/* Its canary stands right behind the bytes that were asked for, so these are all. */
static void
in_the_hardened_mode_they_are_those_that_were_asked_for(void **state)
{
  (void)state;
  if (!is_hardened())
    skip();
  for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2)
    for (size_t size = 0; size <= 200 * KIB; size = size * 3 + 1) {
      void *block = aligned(alignment, size);
      assert_int_equal(sa_usable_size(block), size);
      block = sa_realloc(block, size + 10);
      assert_int_equal(sa_usable_size(block), size + 10);
      sa_free(block);
    }
}

static void
size_zero_gives_an_aligned_block_of_its_own(void **state)
{
  (void)state;
  for (size_t alignment = 16; alignment <= 16 * MIB; alignment *= 16) {
    void *one = aligned(alignment, 0);
    void *other = aligned(alignment, 0);
    assert_non_null(one);
    assert_non_null(other);
    assert_ptr_not_equal(one, other);
    assert_true(is_aligned(one, alignment));
    sa_free(one);
    sa_free(other);
  }
}

static void
realloc_keeps_the_contents(void **state)
{
  (void)state;
  for (size_t alignment = 32; alignment <= 4 * MIB; alignment *= 2) {
    void *block = aligned(alignment, 3000);
    fill(block, 3000, 2);
    block = sa_realloc(block, 300 * KIB);
    assert_non_null(block);
    assert_true(is_filled(block, 3000, 2));
    sa_free(block);
  }
}

static void
an_alignment_that_is_no_power_of_two_is_EINVAL(void **state)
{
  (void)state;
  const size_t wrong[] = {0, 3, 24, 4095, SIZE_MAX};
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    errno = 0;
    assert_null(aligned(wrong[i], 64));
    assert_int_equal(errno, EINVAL);
  }
}

static void
more_than_there_is_is_ENOMEM(void **state)
{
  (void)state;
  const size_t half = SIZE_MAX / 2 + 1;
  const struct {
    size_t alignment, size;
  } too_much[] = {{64, half}, {64, SIZE_MAX}, {half, 64}, {half, half}, {half / 2, half / 2}};
  for (unsigned i = 0; i < sizeof too_much / sizeof *too_much; i++) {
    errno = 0;
    assert_null(aligned(too_much[i].alignment, too_much[i].size));
    assert_int_equal(errno, ENOMEM);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_power_of_two_is_kept),
    cmocka_unit_test(all_usable_bytes_may_be_used),
    cmocka_unit_test(in_the_hardened_mode_they_are_those_that_were_asked_for),
    cmocka_unit_test(size_zero_gives_an_aligned_block_of_its_own),
    cmocka_unit_test(realloc_keeps_the_contents),
    cmocka_unit_test(an_alignment_that_is_no_power_of_two_is_EINVAL),
    cmocka_unit_test(more_than_there_is_is_ENOMEM),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
