/* midl_user_allocate and midl_user_free. SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <stuballoc/section.h>

static void
midl_user_allocate_returns_memory_aligned_to_8_bytes_at_least(void **state)
{
  (void)state;
  for (size_t size = 1; size <= 1 * MIB; size = size * 3 / 2 + 1) {
    void *block = midl_user_allocate(size);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 8, 0);
    fill(block, size, 1);
    midl_user_free(block);
  }
}

static void
midl_user_allocate_returns_NULL_when_there_is_no_memory(void **state)
{
  (void)state;
  volatile size_t too_big = (size_t)PTRDIFF_MAX + 1;
  errno = 0;
  assert_null(midl_user_allocate(too_big));
  assert_int_equal(errno, ENOMEM);
  RpcSsEnableAllocate();
  errno = 0;
  assert_null(midl_user_allocate(too_big));
  assert_int_equal(errno, ENOMEM);
  RpcSsDisableAllocate();
}

static void
midl_user_allocate_returns_NULL_over_the_budget(void **state)
{
  (void)state;
  sa_scope *scope = enter_budget(1 * MIB);
  errno = 0;
  assert_null(midl_user_allocate(2 * MIB));
  assert_int_equal(errno, ENOMEM);
  assert_non_null(midl_user_allocate(100));
  leave_budget(scope);
}

static void
midl_user_free_frees_all_that_midl_user_allocate_gave(void **state)
{
  (void)state;
  void *outside = midl_user_allocate(100);
  RpcSsEnableAllocate();
  void *inside = midl_user_allocate(100);
  midl_user_free(outside);
  midl_user_free(inside);
  assert_ptr_equal(midl_user_allocate(100), inside);
  RpcSsDisableAllocate();
}

static void *
free_here(void *block)
{
  midl_user_free(block);
  return NULL;
}

static void
any_thread_may_free_by_midl_user_free(void **state)
{
  (void)state;
  struct sa_scope_stats stats;
  sa_scope             *scope = enter_budget(1 * MIB);
  in_thread(free_here, midl_user_allocate(100));
  in_thread(free_here, midl_user_allocate(100 * KIB));
  sa_scope_get_stats(scope, &stats);
  assert_int_equal(stats.blocks, 0);
  leave_budget(scope);
  in_thread(free_here, midl_user_allocate(100));
}

static void
in_a_scope_a_stub_allocates_from_it(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_int_equal(sa_scope_enter(scope), 0);
  void *block = midl_user_allocate(100);
  midl_user_free(block);
  assert_ptr_equal(sa_scope_alloc(scope, 100), block);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

static void
in_a_scope_in_a_section_a_stub_allocates_what_others_read(void **state)
{
  (void)state;
  enum { SIZE = 1 * MIB };
  char name[32];
  snprintf(name, sizeof name, "test-midl-%d", (int)getpid()); /* Windows wants one for scopes */
  sa_section *section = sa_section_create(name, SIZE, 0);
  assert_non_null(section);
  const char *seen = sa_section_map(section, NULL, 0, SIZE, SA_VIEW_READ);
  sa_scope   *scope = sa_scope_create(&(sa_scope_options){.section = section});
  assert_non_null(seen);
  assert_int_equal(sa_scope_enter(scope), 0);
  for (size_t size = 1; size <= 200 * KIB; size = size * 3 + 1) {
    void *block = midl_user_allocate(size);
    assert_non_null(block);
    fill(block, size, 1);
    uint64_t offset = sa_section_offset(section, block);
    assert_true(offset >= SA_SECTION_OWN && offset <= SIZE - size);
    assert_true(is_filled(seen + offset, size, 1));
    midl_user_free(block);
  }
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
  sa_view_unmap((void *)seen);
  sa_section_close(section);
}

static void
in_no_scope_a_block_lives_until_it_is_freed(void **state)
{
  (void)state;
  void *block = midl_user_allocate(100);
  fill(block, 100, 1);
  RpcSsEnableAllocate();
  RpcSsDisableAllocate();
  assert_true(is_filled(block, 100, 1));
  midl_user_free(block);
}

static void
a_size_of_zero_gives_a_block(void **state)
{
  (void)state;
  void *block = midl_user_allocate(0);
  assert_non_null(block);
  midl_user_free(block);
}

static void
midl_user_free_ignores_NULL(void **state)
{
  (void)state;
  midl_user_free(NULL);
}

static void
free_wrong(void *block)
{
  midl_user_free(block);
}

static void
a_free_of_what_is_no_block_is_said(void **state)
{
  (void)state;
  void        *block = malloc(100);
  struct child child = child_run(free_wrong, block);
  free(block);
  assert_aborted_saying(&child, "free of ");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    rpcss_test(midl_user_allocate_returns_memory_aligned_to_8_bytes_at_least),
    rpcss_test(midl_user_allocate_returns_NULL_when_there_is_no_memory),
    rpcss_test(midl_user_allocate_returns_NULL_over_the_budget),
    rpcss_test(midl_user_free_frees_all_that_midl_user_allocate_gave),
    rpcss_test(any_thread_may_free_by_midl_user_free),
    rpcss_test(in_a_scope_a_stub_allocates_from_it),
    rpcss_test(in_a_scope_in_a_section_a_stub_allocates_what_others_read),
    rpcss_test(in_no_scope_a_block_lives_until_it_is_freed),
    rpcss_test(a_size_of_zero_gives_a_block),
    rpcss_test(midl_user_free_ignores_NULL),
    rpcss_test(a_free_of_what_is_no_block_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
