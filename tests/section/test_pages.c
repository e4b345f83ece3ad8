/* Pages: reserved, committed, taken back.
 * SPDX-License-Identifier: MIT */
#include "section_test.h"

#include <stuballoc/pages.h>

static size_t
pages(size_t count)
{
  return count * sa_pages_size();
}

static void
committed_pages_are_zeros_and_can_be_written(void **state)
{
  (void)state;
  char *at = sa_pages_reserve(pages(16), 0);
  assert_non_null(at);
  assert_int_equal(sa_pages_commit(at + pages(2), pages(4)), 0);
  for (size_t i = 0; i < pages(4); i++)
    assert_int_equal(at[pages(2) + i], 0);
  fill(at + pages(2), pages(4), 1);
  assert_int_equal(sa_pages_commit(at + pages(2), pages(8)), 0);
  assert_true(is_filled(at + pages(2), pages(4), 1));
  assert_int_equal(sa_pages_release(at, pages(16)), 0);
}

static void
decommitted_pages_lose_their_contents(void **state)
{
  (void)state;
  char *at = sa_pages_reserve(pages(4), 0);
  assert_int_equal(sa_pages_commit(at, pages(4)), 0);
  fill(at, pages(4), 2);
  assert_int_equal(sa_pages_decommit(at, pages(2)), 0);
  assert_int_equal(sa_pages_commit(at, pages(2)), 0);
  assert_int_equal(at[1], 0);
  assert_int_equal(at[pages(2) - 1], 0);
  sa_pages_release(at, pages(4));
}

static void
a_reservation_is_aligned(void **state)
{
  (void)state;
  for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 2) {
    char *at = sa_pages_reserve(pages(1), alignment);
    assert_non_null(at);
    assert_int_equal((uintptr_t)at % alignment, 0);
    sa_pages_release(at, pages(1));
  }
}

static void
protected_pages_keep_their_contents(void **state)
{
  (void)state;
  char *at = sa_pages_reserve(pages(2), 0);
  sa_pages_commit(at, pages(2));
  fill(at, pages(2), 3);
  assert_int_equal(sa_pages_protect(at, pages(1), SA_PAGES_NONE), 0);
  assert_int_equal(sa_pages_protect(at, pages(1), SA_PAGES_READ), 0);
  assert_true(is_filled(at, pages(2), 3));
  assert_int_equal(sa_pages_protect(at, pages(1), SA_PAGES_WRITE), 0);
  at[0] = 0;
  sa_pages_release(at, pages(2));
}

static void
large_pages_are_there_or_ordinary_ones_are(void **state)
{
  (void)state;
  size_t large = sa_pages_large_size();
  char  *at = sa_pages_reserve(large, large);
  errno = 0;
  assert_true(sa_pages_commit_large(at, large) == 0 || errno == ENOTSUP);
  at[large - 1] = 'x';
  sa_pages_release(at, large);
}

static void
write_to(void *at)
{
  *(volatile char *)at = 1;
}

static void
what_is_not_committed_or_not_to_be_written_faults(void **state)
{
  (void)state;
  char        *at = sa_pages_reserve(pages(3), 0);
  struct child child = child_run(write_to, at);
  assert_true(child.status != 0);
  assert_int_equal(sa_pages_commit(at, pages(3)), 0);
  assert_int_equal(child_run(write_to, at).status, 0);
  assert_int_equal(sa_pages_protect(at, pages(1), SA_PAGES_READ), 0);
  assert_true(child_run(write_to, at).status != 0);
  assert_int_equal(sa_pages_decommit(at + pages(1), pages(1)), 0);
  assert_true(child_run(write_to, at + pages(1)).status != 0);
  assert_int_equal(child_run(write_to, at + pages(2)).status, 0);
  sa_pages_release(at, pages(3));
}

static void
what_is_no_pages_is_refused(void **state)
{
  (void)state;
  char *at = sa_pages_reserve(pages(2), 0);
  assert_fails(!sa_pages_reserve(0, 0), EINVAL);
  assert_fails(!sa_pages_reserve(1, 0), EINVAL);
  assert_fails(!sa_pages_reserve(pages(1), 3), EINVAL);
  assert_fails(sa_pages_commit(at + 1, pages(1)) == -1, EINVAL);
  assert_fails(sa_pages_commit(at, 0) == -1, EINVAL);
  assert_fails(sa_pages_decommit(at, 5) == -1, EINVAL);
  assert_fails(sa_pages_protect(at, pages(1), 3) == -1, EINVAL);
  assert_fails(sa_pages_release(NULL, pages(1)) == -1, EINVAL);
  assert_fails(sa_pages_commit_large(at, pages(1)) == -1, EINVAL);
  assert_fails(!sa_pages_reserve(SIZE_MAX / pages(1) * pages(1), 0), ENOMEM);
  sa_pages_release(at, pages(2));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(committed_pages_are_zeros_and_can_be_written),
    cmocka_unit_test(decommitted_pages_lose_their_contents),
    cmocka_unit_test(a_reservation_is_aligned),
    cmocka_unit_test(protected_pages_keep_their_contents),
    cmocka_unit_test(large_pages_are_there_or_ordinary_ones_are),
    cmocka_unit_test(what_is_not_committed_or_not_to_be_written_faults),
    cmocka_unit_test(what_is_no_pages_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
