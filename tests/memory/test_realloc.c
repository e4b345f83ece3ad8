/* What a large block that is resized does with its pages. SPDX-License-Identifier: MIT */
#include <string.h>

#include "memory.h"

/* A copy would read and write all of it, and so make it resident twice. */
static void
a_block_that_must_move_takes_its_pages_along(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY(); /* the other one moves a block to find who still uses its old place */
  char *block = sa_malloc(64 * MIB);
  char *behind = sa_malloc(64 * MIB);
  block[0] = block[64 * MIB - 1] = 1;
  size_t before = resident();
  char  *moved = sa_realloc(block, 128 * MIB);
  assert_ptr_not_equal(moved, block);
  assert_true(resident() < before + 8 * MIB);
  assert_true(moved[0] == 1 && moved[64 * MIB - 1] == 1);
  sa_free(moved);
  sa_free(behind);
}

static void
what_a_block_shrinks_by_goes_back_to_the_system(void **state)
{
  (void)state;
  size_t before = resident();
  char  *block = memset(sa_malloc(256 * MIB), 1, 256 * MIB);
  block = sa_realloc(block, 160 * MIB);
  assert_non_null(block);
  assert_true(resident() - before < 160 * MIB + 256 * MIB / 10);
  sa_free(block);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_block_that_must_move_takes_its_pages_along),
    cmocka_unit_test(what_a_block_shrinks_by_goes_back_to_the_system),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
