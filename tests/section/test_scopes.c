/* Scopes in sections: what is ordinary about them, and what another view sees.
 * SPDX-License-Identifier: MIT */
#include "../scope/scope_test.h"
#include "left.h"

enum { ROOM = 4 * MIB };

struct fixture {
  sa_section *section;
  sa_scope   *scope;
};

static sa_scope *
scope_in(sa_section *section)
{
  return sa_scope_create(&(sa_scope_options){.name = "shared", .section = section});
}

static int
set_up(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  f->section = sa_section_create(name_of("scopes"), ROOM, 0);
  f->scope = f->section ? scope_in(f->section) : NULL;
  *state = f;
  return f->scope ? 0 : -1;
}

static int
tear_down(void **state)
{
  struct fixture *f = *state;
  sa_scope_destroy(f->scope);
  sa_section_close(f->section);
  free(f);
  return sa_section_open(name_of("scopes"), 0) ? -1 : 0;
}

static void
blocks_lie_in_the_section(void **state)
{
  struct fixture *f = *state;
  sa_section     *reader = sa_section_open(name_of("scopes"), SA_SECTION_READ_ONLY);
  char           *seen = view_of(reader, SA_VIEW_READ);
  for (size_t size = 1; size < 200 * KIB; size = size * 3 + 1) {
    char *block = sa_scope_alloc(f->scope, size);
    assert_non_null(block);
    assert_true(sa_usable_size(block) >= size);
    fill(block, size, (unsigned)size);
    uint64_t offset = sa_section_offset(f->section, block);
    assert_true(offset >= SA_SECTION_OWN && offset <= ROOM - size);
    assert_true(is_filled(seen + offset, size, (unsigned)size));
    assert_ptr_equal(sa_section_range(f->section, offset, size), block);
  }
  sa_view_unmap(seen);
  sa_section_close(reader);
}

static void
the_span_of_one_block_has_all_of_them(void **state)
{
  struct fixture *f = *state;
  sa_span         span = sa_span_of_block(f->section, sa_scope_alloc(f->scope, 10));
  for (size_t size = 1; size < 200 * KIB; size = size * 3 + 1) {
    char    *block = sa_scope_alloc(f->scope, size);
    uint64_t offset = sa_section_offset(f->section, block);
    assert_int_equal(sa_span_offset(span, block), offset);
    assert_ptr_equal(sa_span_at(span, offset, size, 1), block);
  }
  assert_null(sa_span_at(span, ROOM, 1, 1));
  span = sa_span_of_block(f->section, f);
  assert_null(sa_span_at(span, SA_SECTION_OWN, 1, 1));
}

static void
a_freed_block_is_used_again(void **state)
{
  struct fixture *f = *state;
  const size_t    sizes[] = {16, 100, 5000, 100 * KIB};
  for (unsigned i = 0; i < 4; i++) {
    void *block = sa_scope_alloc(f->scope, sizes[i]);
    sa_free(block);
    assert_ptr_equal(sa_scope_alloc(f->scope, sizes[i]), block);
  }
}

static void
freeing_and_allocating_write_nothing_into_the_section(void **state)
{
  struct fixture *f = *state;
  enum { BLOCKS = 3000 };
  static char *blocks[BLOCKS];
  char        *section = view_of(f->section, SA_VIEW_WRITE);
  for (unsigned i = 0; i < BLOCKS; i++)
    blocks[i] = sa_scope_alloc(f->scope, 16 + i % 700);
  memset(section, 0x5a, ROOM);
  for (unsigned i = 0; i < BLOCKS; i++)
    sa_free(blocks[i]);
  for (unsigned i = 0; i < BLOCKS; i++)
    assert_non_null(sa_scope_alloc(f->scope, 16 + (i * 7) % 900));
  for (size_t i = 0; i < ROOM; i++)
    if (section[i] != 0x5a)
      assert_int_equal(i, -1);
  sa_view_unmap(section);
}

static void
what_another_writes_does_not_mislead_the_allocator(void **state)
{
  struct fixture *f = *state;
  enum { BLOCKS = 500 };
  static char *blocks[BLOCKS];
  char        *section = view_of(f->section, SA_VIEW_WRITE);
  for (unsigned round = 0; round < 20; round++) {
    for (unsigned i = 0; i < BLOCKS; i++) {
      blocks[i] = sa_scope_alloc(f->scope, 16 + (i * 37 + round) % 3000);
      assert_non_null(blocks[i]);
      fill(blocks[i], 16, i);
    }
    for (unsigned i = 0; i < BLOCKS; i++) /* no two are one */
      assert_true(is_filled(blocks[i], 16, i));
    for (unsigned i = 0; i < BLOCKS; i++)
      sa_free(blocks[(i * 7) % BLOCKS]);
    memset(section, (int)(round * 11), ROOM);
  }
  sa_view_unmap(section);
}

static void
realloc_keeps_contents_and_stays_in_the_section(void **state)
{
  struct fixture *f = *state;
  char           *block = sa_scope_alloc(f->scope, 100);
  fill(block, 100, 1);
  for (size_t size = 1000; size < MIB; size *= 10) {
    block = sa_realloc(block, size);
    assert_non_null(block);
    assert_true(is_filled(block, 100, 1));
    assert_true(sa_section_offset(f->section, block) < ROOM);
  }
  block = sa_realloc(block, 50);
  assert_true(is_filled(block, 50, 1));
  sa_free(block);
}

static void
a_kept_block_leaves_the_section(void **state)
{
  struct fixture *f = *state;
  for (size_t size = 100; size <= 100 * KIB; size *= 1024) {
    char *block = sa_scope_alloc(f->scope, size);
    fill(block, size, 2);
    block = sa_scope_keep(block);
    assert_non_null(block);
    assert_true(is_filled(block, size, 2));
    assert_fails(sa_section_offset(f->section, block) == UINT64_MAX, EFAULT);
    sa_free(block);
  }
}

static void *
allocate_and_free(void *argument)
{
  struct fixture *f = argument;
  if (sa_scope_enter(f->scope) != 0)
    return "not entered";
  char *blocks[300];
  for (unsigned i = 0; i < 300; i++) {
    blocks[i] = sa_scope_alloc(f->scope, 10 + i);
    if (!blocks[i] || sa_section_offset(f->section, blocks[i]) == UINT64_MAX)
      return "not in the section";
    fill(blocks[i], 10 + i, i);
  }
  for (unsigned i = 0; i < 300; i++) {
    if (!is_filled(blocks[i], 10 + i, i))
      return "overwritten";
    sa_free(blocks[i]);
  }
  sa_scope_leave(f->scope);
  return NULL;
}

static void
threads_share_such_a_scope(void **state)
{
  struct fixture *f = *state;
  pthread_t       others[3];
  void           *complaint;
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&others[i], NULL, allocate_and_free, f), 0);
  assert_null(allocate_and_free(f));
  for (unsigned i = 0; i < 3; i++) {
    pthread_join(others[i], &complaint);
    assert_null(complaint);
  }
}

static void *
free_it(void *block)
{
  sa_free(block);
  return NULL;
}

static void
another_thread_may_free_a_block(void **state)
{
  struct fixture *f = *state;
  run_in_thread(free_it, sa_scope_alloc(f->scope, 100));
  run_in_thread(free_it, sa_scope_alloc(f->scope, 100 * KIB));
  assert_int_equal(stats_of(f->scope).blocks, 0);
}

static size_t
fill_up(sa_scope *scope, size_t size)
{
  size_t count = 0;
  while (sa_scope_alloc(scope, size))
    count++;
  return count;
}

static void
what_a_full_scope_had_comes_back_with_its_end(void **state)
{
  struct fixture *f = *state;
  size_t          count = fill_up(f->scope, 1000);
  assert_true(count > ROOM / 1024 / 2);
  assert_fails(!sa_scope_alloc(f->scope, 20 * KIB), ENOMEM);
  for (unsigned i = 0; i < 3; i++) {
    sa_scope_destroy(f->scope);
    f->scope = scope_in(f->section);
    assert_int_equal(fill_up(f->scope, 1000), count);
  }
}

static void
large_blocks_come_back_one_by_one(void **state)
{
  struct fixture *f = *state;
  char           *most = sa_scope_alloc(f->scope, ROOM / 4 * 3);
  assert_non_null(most);
  most[ROOM / 4 * 3 - 1] = 'x';
  assert_fails(!sa_scope_alloc(f->scope, ROOM / 2), ENOMEM);
  sa_free(most);
  void *half = sa_scope_alloc(f->scope, ROOM / 2);
  assert_non_null(half);
}

static void
two_scopes_of_a_section_share_no_byte(void **state)
{
  struct fixture *f = *state;
  sa_scope       *other = scope_in(f->section);
  for (unsigned i = 0; i < 400; i++) {
    char *one = sa_scope_alloc(f->scope, 1000), *two = sa_scope_alloc(other, 1000);
    assert_non_null(one);
    assert_non_null(two);
    fill(one, 1000, 1);
    fill(two, 1000, 2);
    assert_true(is_filled(one, 1000, 1));
  }
  sa_scope_destroy(other);
}

static void
a_budget_holds_in_a_section(void **state)
{
  struct fixture  *f = *state;
  sa_scope_options options = {.budget = 100 * KIB, .section = f->section};
  sa_scope        *scope = sa_scope_create(&options);
  assert_non_null(scope);
  assert_fails(!sa_scope_alloc(scope, 200 * KIB), ENOMEM);
  assert_true(fill_up(scope, 1000) <= 102);
  sa_scope_destroy(scope);
}

static void
a_scope_outlives_the_handle(void **state)
{
  struct fixture *f = *state;
  sa_section     *section = sa_section_create(NULL, ROOM, 0);
  sa_scope       *scope = scope_in(section);
  if (!scope && errno == ENOTSUP)
    skip();
  sa_section_close(section);
  char *block = sa_scope_alloc(scope, 1000);
  fill(block, 1000, 4);
  assert_true(is_filled(block, 1000, 4));
  sa_free(block);
  sa_scope_destroy(scope);
  (void)f;
}

static void
sections_that_no_scope_can_be_in(void **state)
{
  struct fixture *f = *state;
  sa_section     *opened = sa_section_open(name_of("scopes"), SA_SECTION_READ_ONLY);
  sa_section     *small = sa_section_create(name_of("small"), SA_SECTION_OWN, 0);
  assert_fails(!scope_in(opened), EACCES);
  assert_fails(!scope_in(small), ENOSPC);
  sa_section_close(small);
  sa_section_close(opened);
  (void)f;
}

static void
free_twice(void *block)
{
  sa_free(block);
  sa_free(block);
}

static void
wrong_pointers_are_said(void **state)
{
  struct fixture *f = *state;
  char           *block = sa_scope_alloc(f->scope, 100);
  char           *large = sa_scope_alloc(f->scope, 100 * KIB);
  char            text[32];
  struct child    child = child_run(free_twice, block);
  snprintf(text, sizeof text, "free of %p: ", (void *)block);
  assert_true(WIFSIGNALED(child.status));
  assert_non_null(strstr(child.said, text));
  aborts_saying(free_twice, block, "free", "free already");
  aborts_saying(free_twice, block + 16, "free", "inside a block");
  aborts_saying(free_twice, large + 16, "free", "inside a block");
  aborts_saying(free_twice, large + 70 * KIB, "free", "did not give it out");
}

#define IN_A_SCOPE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
  const struct CMUnitTest tests[] = {
    IN_A_SCOPE(blocks_lie_in_the_section),
    IN_A_SCOPE(the_span_of_one_block_has_all_of_them),
    IN_A_SCOPE(a_freed_block_is_used_again),
    IN_A_SCOPE(freeing_and_allocating_write_nothing_into_the_section),
    IN_A_SCOPE(what_another_writes_does_not_mislead_the_allocator),
    IN_A_SCOPE(realloc_keeps_contents_and_stays_in_the_section),
    IN_A_SCOPE(a_kept_block_leaves_the_section),
    IN_A_SCOPE(threads_share_such_a_scope),
    IN_A_SCOPE(another_thread_may_free_a_block),
    IN_A_SCOPE(what_a_full_scope_had_comes_back_with_its_end),
    IN_A_SCOPE(large_blocks_come_back_one_by_one),
    IN_A_SCOPE(two_scopes_of_a_section_share_no_byte),
    IN_A_SCOPE(a_budget_holds_in_a_section),
    IN_A_SCOPE(a_scope_outlives_the_handle),
    IN_A_SCOPE(sections_that_no_scope_can_be_in),
    IN_A_SCOPE(wrong_pointers_are_said),
    cmocka_unit_test(nothing_is_left_open_or_mapped),
  };
  return cmocka_run_group_tests(tests, count_before, NULL);
}
