/* sa_calloc. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <string.h>

static int
is_zero(const unsigned char *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i])
      return 0;
  return 1;
}

static void
a_block_is_zero(void **state)
{
  (void)state;
  for (size_t size = 1; size <= 16 * MIB; size = size * 3 / 2 + 1) {
    unsigned char *block = sa_calloc(1, size);
    assert_non_null(block);
    assert_true(is_zero(block, size));
    sa_free(block);
  }
}

static void
a_block_is_zero_where_a_dirty_one_was(void **state)
{
  (void)state;
  enum { COUNT = 4 };
  for (size_t size = 1; size <= 16 * MIB; size = size * 3 / 2 + 1) {
    void *blocks[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
      blocks[i] = sa_malloc(size);
      assert_non_null(blocks[i]);
      memset(blocks[i], 0xff, size);
    }
    for (unsigned i = 0; i < COUNT; i++)
      sa_free(blocks[i]);
    for (unsigned i = 0; i < COUNT; i++) {
      blocks[i] = sa_calloc(size, 1);
      assert_non_null(blocks[i]);
      assert_true(is_zero(blocks[i], size));
    }
    for (unsigned i = 0; i < COUNT; i++)
      sa_free(blocks[i]);
  }
}

static void
there_is_room_for_every_element(void **state)
{
  (void)state;
  unsigned char *block = sa_calloc(1000, 24);
  assert_non_null(block);
  assert_true(sa_usable_size(block) >= 24000);
  fill(block, 24000, 1);
  assert_true(is_filled(block, 24000, 1));
  sa_free(block);
}

static void
no_elements_give_a_block_of_their_own(void **state)
{
  (void)state;
  void *one = sa_calloc(0, 8);
  void *other = sa_calloc(8, 0);
  assert_non_null(one);
  assert_non_null(other);
  assert_ptr_not_equal(one, other);
  sa_free(one);
  sa_free(other);
}

static void
refuses(size_t count, size_t size)
{
  errno = 0;
  assert_null(sa_calloc(count, size));
  assert_int_equal(errno, ENOMEM);
}

static void
a_product_that_overflows_is_ENOMEM(void **state)
{
  (void)state;
  const volatile size_t half = SIZE_MAX / 2 + 1;
  refuses(half, 2);
  refuses(2, half);
  refuses(SIZE_MAX / 8, 9);
  refuses(SIZE_MAX, SIZE_MAX);
}

static void
a_product_over_PTRDIFF_MAX_is_ENOMEM(void **state)
{
  (void)state;
  const volatile size_t quarter = SIZE_MAX / 4 + 1;
  refuses(quarter, 2);
  refuses(1, 2 * quarter);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_block_is_zero),
    cmocka_unit_test(a_block_is_zero_where_a_dirty_one_was),
    cmocka_unit_test(there_is_room_for_every_element),
    cmocka_unit_test(no_elements_give_a_block_of_their_own),
    cmocka_unit_test(a_product_that_overflows_is_ENOMEM),
    cmocka_unit_test(a_product_over_PTRDIFF_MAX_is_ENOMEM),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
