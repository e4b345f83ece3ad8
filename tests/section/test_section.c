/* Sections in one process: what is created, opened, seen, and refused.
 * SPDX-License-Identifier: MIT */
#include "left.h"

/* --- creating and opening --------------------------------------------------------------------- */

static void
a_new_section_is_all_zeros(void **state)
{
  (void)state;
  sa_section *section = create(name_of("zeros"));
  const char *view = view_of(section, SA_VIEW_READ);
  for (size_t i = 0; i < SIZE; i++)
    assert_int_equal(view[i], 0);
  assert_int_equal(sa_section_size(section), SIZE);
  assert_int_equal(sa_view_unmap((void *)view), 0);
  sa_section_close(section);
}

static void
who_opens_a_name_sees_what_its_creator_wrote(void **state)
{
  (void)state;
  sa_section *section = create(name_of("shared"));
  char       *written = view_of(section, SA_VIEW_WRITE);
  sa_section *opened = sa_section_open(name_of("shared"), SA_SECTION_READ_ONLY);
  assert_non_null(opened);
  assert_int_equal(sa_section_size(opened), SIZE);
  char *read = view_of(opened, SA_VIEW_READ);
  assert_ptr_not_equal(read, written);
  fill(written, SIZE, 1);
  assert_true(is_filled(read, SIZE, 1));
  sa_view_unmap(read);
  sa_view_unmap(written);
  sa_section_close(opened);
  sa_section_close(section);
}

static void
the_second_creator_of_a_name_is_told_that_it_existed(void **state)
{
  (void)state;
  sa_section *first = sa_section_create(name_of("twice"), SIZE, 0);
  assert_non_null(first);
  assert_int_equal(errno, 0);
  sa_section *second = sa_section_create(name_of("twice"), SIZE, 0);
  assert_non_null(second);
  assert_int_equal(errno, EEXIST);
  char *written = view_of(first, SA_VIEW_WRITE);
  char *read = view_of(second, SA_VIEW_READ);
  written[5] = 'x';
  assert_int_equal(read[5], 'x');
  sa_view_unmap(read);
  sa_view_unmap(written);
  sa_section_close(second);
  sa_section_close(first);
}

static void
a_name_that_must_be_new_is_not_taken_twice(void **state)
{
  (void)state;
  sa_section *section = create(name_of("new"));
  assert_fails(!sa_section_create(name_of("new"), SIZE, SA_SECTION_EXCLUSIVE), EEXIST);
  sa_section_close(section);
  section = sa_section_create(name_of("new"), SIZE, SA_SECTION_EXCLUSIVE);
  assert_non_null(section);
  sa_section_close(section);
}

static void
a_name_of_another_size_is_refused(void **state)
{
  (void)state;
  sa_section *section = create(name_of("size"));
  assert_fails(!sa_section_create(name_of("size"), SIZE * 2, 0), EMSGSIZE);
  sa_section_close(section);
}

static void
the_name_goes_with_the_last_handle(void **state)
{
  (void)state;
  sa_section *first = create(name_of("last"));
  sa_section *second = create(name_of("last"));
  sa_section_close(first);
  sa_section *third = sa_section_open(name_of("last"), 0);
  assert_non_null(third);
  sa_section_close(second);
  sa_section_close(third);
  assert_fails(!sa_section_open(name_of("last"), 0), ENOENT);
}

static void
a_view_keeps_the_name_without_a_handle(void **state)
{
  (void)state;
  sa_section *section = create(name_of("kept"));
  char       *view = view_of(section, SA_VIEW_WRITE);
  sa_section_close(section);
  strcpy(view, "still here");
  sa_section *opened = sa_section_open(name_of("kept"), 0);
  assert_non_null(opened);
  char *again = view_of(opened, SA_VIEW_READ);
  assert_string_equal(again, "still here");
  sa_view_unmap(again);
  sa_section_close(opened);
  sa_view_unmap(view);
  assert_fails(!sa_section_open(name_of("kept"), 0), ENOENT);
}

static void
unnamed_sections_are_different_ones(void **state)
{
  (void)state;
  sa_section *one = create(NULL), *other = create(NULL);
  char       *ones = view_of(one, SA_VIEW_WRITE), *others = view_of(other, SA_VIEW_WRITE);
  ones[0] = 'x';
  assert_int_equal(others[0], 0);
  sa_view_unmap(ones);
  sa_view_unmap(others);
  sa_section_close(one);
  sa_section_close(other);
}

static void
an_unnamed_section_is_passed_by_its_descriptor(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *view = view_of(section, SA_VIEW_WRITE);
  sa_section *adopted = sa_section_adopt(sa_section_descriptor(section), 0);
  assert_non_null(adopted);
  assert_true(sa_section_size(adopted) >= SIZE);
  sa_section_close(section);
  char *other = view_of(adopted, SA_VIEW_READ);
  view[7] = 'y';
  assert_int_equal(other[7], 'y');
  sa_view_unmap(other);
  sa_view_unmap(view);
  sa_section_close(adopted);
}

/* --- views ------------------------------------------------------------------------------------ */

static void
a_view_of_a_part_starts_at_its_offset(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  size_t      page = sa_section_page(section);
  char       *all = view_of(section, SA_VIEW_WRITE);
  char       *part = sa_section_map(section, NULL, page, page + 1, SA_VIEW_READ);
  assert_non_null(part);
  all[page] = 'a';
  all[2 * page] = 'b';
  assert_int_equal(part[0], 'a');
  assert_int_equal(part[page], 'b');
  sa_view_unmap(part);
  sa_view_unmap(all);
  sa_section_close(section);
}

static void
a_copy_sees_the_section_but_does_not_reach_it(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *shared = view_of(section, SA_VIEW_WRITE);
  char       *copy = view_of(section, SA_VIEW_COPY), *another = view_of(section, SA_VIEW_COPY);
  shared[0] = 's';
  assert_int_equal(copy[0], 's');
  copy[0] = 'c';
  assert_int_equal(sa_view_flush(copy, 0), 0);
  assert_int_equal(shared[0], 's');
  assert_int_equal(another[0], 's');
  assert_int_equal(copy[0], 'c');
  sa_view_unmap(another);
  sa_view_unmap(copy);
  sa_view_unmap(shared);
  sa_section_close(section);
}

static void
a_view_at_an_address_is_there_if_it_is_free(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *place = view_of(section, SA_VIEW_READ);
  sa_view_unmap(place);
  char *view = sa_section_map(section, place, 0, SIZE, SA_VIEW_WRITE);
  assert_ptr_equal(view, place);
  sa_view_unmap(view);
  sa_section_close(section);
}

static void
a_view_at_an_address_does_not_replace_what_is_there(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *first = view_of(section, SA_VIEW_WRITE);
  sa_section *other = create(NULL);
  first[0] = 'f';
  assert_fails(!sa_section_map(other, first, 0, SIZE, SA_VIEW_WRITE), EADDRINUSE);
  assert_int_equal(first[0], 'f');
  sa_view_unmap(first);
  sa_section_close(other);
  sa_section_close(section);
}

static void
hints_change_no_byte(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *shared = view_of(section, SA_VIEW_WRITE), *copy = view_of(section, SA_VIEW_COPY);
  fill(shared, SIZE, 3);
  fill(copy, SIZE, 4);
  assert_int_equal(sa_view_hint(shared, SIZE, SA_VIEW_LET_GO), 0);
  assert_int_equal(sa_view_hint(copy, SIZE, SA_VIEW_LET_GO), 0);
  assert_int_equal(sa_view_hint(shared, SIZE, SA_VIEW_LOAD), 0);
  assert_true(is_filled(shared, SIZE, 3));
  assert_true(is_filled(copy, SIZE, 4));
  sa_view_unmap(copy);
  sa_view_unmap(shared);
  sa_section_close(section);
}

static void
what_was_written_is_resident(void **state)
{
  (void)state;
  size_t      resident = 0;
  sa_section *section = create(NULL);
  char       *view = view_of(section, SA_VIEW_WRITE);
  fill(view, SIZE, 5);
  assert_int_equal(sa_view_resident(view, SIZE, &resident), 0);
  assert_int_equal(resident, SIZE);
  assert_int_equal(sa_view_resident(view + SIZE / 2, 1, &resident), 0);
  assert_true(resident > 0 && resident < SIZE);
  sa_view_unmap(view);
  sa_section_close(section);
}

/* --- offsets ---------------------------------------------------------------------------------- */

static void
offsets_and_addresses_are_each_others_inverse(void **state)
{
  (void)state;
  sa_section *section = create(NULL), *other = create(NULL);
  size_t      page = sa_section_page(section);
  char       *part = sa_section_map(section, NULL, page, page, SA_VIEW_READ);
  assert_non_null(part);
  assert_int_equal(sa_section_offset(section, part + 3), page + 3);
  assert_ptr_equal(sa_section_pointer(section, page + 3), part + 3);
  assert_ptr_equal(sa_section_range(section, page, page), part);
  assert_fails(sa_section_offset(other, part) == UINT64_MAX, EFAULT);
  assert_fails(sa_section_offset(section, &page) == UINT64_MAX, EFAULT);
  assert_fails(!sa_section_pointer(section, 0), EFAULT);
  assert_fails(!sa_section_range(section, page, page + 1), EFAULT);
  assert_fails(!sa_section_pointer(section, SIZE), ERANGE);
  assert_fails(!sa_section_range(section, page, SIZE), ERANGE);
  assert_fails(!sa_section_range(section, UINT64_MAX, 2), ERANGE);
  sa_view_unmap(part);
  sa_section_close(other);
  sa_section_close(section);
}

struct node {
  SA_OFFSET(struct node) next;
  int value;
};

static void
a_list_of_offsets_is_read_through_another_view(void **state)
{
  (void)state;
  sa_section  *section = create(NULL);
  struct node *nodes = (struct node *)view_of(section, SA_VIEW_WRITE);
  sa_span      written = {nodes, 0, SIZE};
  for (int i = 1; i < 10; i++) {
    nodes[i].value = i;
    SA_POINT(written, nodes[i].next, i < 9 ? &nodes[i + 1] : NULL);
  }
  sa_span read = {view_of(section, SA_VIEW_READ), 0, SIZE};
  int     sum = 0;
  for (struct node *node = (struct node *)read.start + 1; node; node = SA_FOLLOW(read, node->next))
    sum += node->value;
  assert_int_equal(sum, 45);
  sa_view_unmap(read.start);
  sa_view_unmap(written.start);
  sa_section_close(section);
}

static void
an_offset_pointer_never_leads_out_of_the_span(void **state)
{
  (void)state;
  static struct node nodes[4];
  sa_span            span = {&nodes[1], 4096, 2 * sizeof *nodes};
  struct node        liar;
  const uint64_t     lies[] = {1,
                               4095,
                               4096 + 1,
                               4096 + sizeof *nodes + 8,
                               4096 + 2 * sizeof *nodes,
                               UINT64_MAX,
                               UINT64_MAX - 4096};
  for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
    liar.next.offset = lies[i];
    assert_null(SA_FOLLOW(span, liar.next));
  }
  liar.next.offset = 4096 + sizeof *nodes;
  assert_ptr_equal(SA_FOLLOW(span, liar.next), &nodes[2]);
  SA_POINT(span, liar.next, &nodes[3]);
  assert_int_equal(liar.next.offset, 0);
}

/* --- bad input -------------------------------------------------------------------------------- */

static void
bad_sizes_are_refused(void **state)
{
  (void)state;
  assert_fails(!sa_section_create(NULL, 0, 0), EINVAL);
  assert_fails(!sa_section_create(NULL, SIZE_MAX, 0), EOVERFLOW);
  assert_fails(!sa_section_create(NULL, (size_t)PTRDIFF_MAX + 1, 0), EOVERFLOW);
  assert_fails(!sa_section_create_file("no-such-file", 0, 0), EINVAL);
}

static void
bad_names_are_refused(void **state)
{
  (void)state;
  char longest[SA_SECTION_NAME_MAX + 2];
  memset(longest, 'n', sizeof longest);
  longest[SA_SECTION_NAME_MAX + 1] = '\0';
  assert_fails(!sa_section_create("", SIZE, 0), EINVAL);
  assert_fails(!sa_section_create("a/b", SIZE, 0), EINVAL);
  assert_fails(!sa_section_create("../x", SIZE, 0), EINVAL);
  assert_fails(!sa_section_open("a\\b", 0), EINVAL);
  assert_fails(!sa_section_create(longest, SIZE, 0), ENAMETOOLONG);
  assert_fails(!sa_section_open(longest, 0), ENAMETOOLONG);
  longest[SA_SECTION_NAME_MAX] = '\0';
  sa_section *section = sa_section_create(longest, SIZE, 0);
  assert_non_null(section);
  sa_section_close(section);
}

static void
bad_flags_are_refused(void **state)
{
  (void)state;
  assert_fails(!sa_section_create(NULL, SIZE, 0x8000), EINVAL);
  assert_fails(!sa_section_create(NULL, SIZE, SA_SECTION_READ_ONLY), EINVAL);
  assert_fails(!sa_section_create("x", SIZE, SA_SECTION_GROUP | SA_SECTION_ALL), EINVAL);
  assert_fails(!sa_section_open("x", SA_SECTION_EXCLUSIVE), EINVAL);
  assert_fails(!sa_section_create_file("x", SIZE, SA_SECTION_READ_ONLY | SA_SECTION_EXCLUSIVE),
               EINVAL);
}

static void
bad_views_are_refused(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  size_t      page = sa_section_page(section);
  assert_fails(!sa_section_map(section, NULL, 0, 0, SA_VIEW_READ), EINVAL);
  assert_fails(!sa_section_map(section, NULL, 0, SIZE, 0), EINVAL);
  assert_fails(!sa_section_map(section, NULL, 0, SIZE, 8), EINVAL);
  assert_fails(!sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE | SA_VIEW_COPY), EINVAL);
  assert_fails(!sa_section_map(section, NULL, 1, page, SA_VIEW_READ), EDOM);
  assert_fails(!sa_section_map(section, (void *)1, 0, page, SA_VIEW_READ), EDOM);
  assert_fails(!sa_section_map(section, NULL, SIZE, 1, SA_VIEW_READ), ERANGE);
  assert_fails(!sa_section_map(section, NULL, page, SIZE, SA_VIEW_READ), ERANGE);
  assert_fails(!sa_section_map(section, NULL, page, SIZE_MAX, SA_VIEW_READ), ERANGE);
  sa_section_close(section);
}

static void
what_is_open_to_be_read_is_not_written(void **state)
{
  (void)state;
  sa_section *section = create(name_of("read"));
  sa_section *opened = sa_section_open(name_of("read"), SA_SECTION_READ_ONLY);
  assert_non_null(opened);
  assert_fails(!sa_section_map(opened, NULL, 0, SIZE, SA_VIEW_WRITE), EACCES);
  char *copy = view_of(opened, SA_VIEW_COPY);
  copy[0] = 'c';
  sa_view_unmap(copy);
  sa_section_close(opened);
  sa_section_close(section);
}

static void
what_is_no_view_is_refused(void **state)
{
  (void)state;
  size_t      resident;
  sa_section *section = create(NULL);
  char       *view = view_of(section, SA_VIEW_WRITE);
  assert_fails(sa_view_unmap(view + 1) == -1, EFAULT);
  assert_fails(sa_view_flush(&resident, 1) == -1, EFAULT);
  assert_fails(sa_view_flush(view + 1, SIZE) == -1, ERANGE);
  assert_fails(sa_view_hint(view, SIZE, 7) == -1, EINVAL);
  assert_fails(sa_view_hint(&resident, 1, SA_VIEW_LOAD) == -1, EFAULT);
  assert_fails(sa_view_resident(&resident, 1, &resident) == -1, EFAULT);
  assert_int_equal(sa_view_unmap(view), 0);
  assert_fails(sa_view_unmap(view) == -1, EFAULT);
  sa_section_close(section);
  assert_fails(sa_section_descriptor(section = create(name_of("d"))) == -1, ENOTSUP);
  sa_section_close(section);
  assert_fails(!sa_section_adopt(-1, 0), EINVAL);
  assert_fails(!sa_section_adopt(0, SA_SECTION_ALL), EINVAL);
  assert_fails(!sa_section_create(NULL, SIZE + 1, SA_SECTION_LARGE_PAGES), EDOM);
}

static void
large_pages_are_there_or_clearly_not(void **state)
{
  (void)state;
  const size_t large = 2 * MIB;
  errno = 0;
  sa_section *section = sa_section_create(NULL, large, SA_SECTION_LARGE_PAGES);
  assert_true(section ? sa_section_page(section) == large : errno == ENOTSUP);
  sa_section_close(section);
  section = sa_section_create(NULL, large, SA_SECTION_LARGE_PAGES_OR_NOT);
  assert_non_null(section);
  char *view = view_of(section, SA_VIEW_WRITE);
  view[large - 1] = 'x';
  sa_view_unmap(view);
  sa_section_close(section);
  assert_fails(!sa_section_create(name_of("large"), large, SA_SECTION_LARGE_PAGES), ENOTSUP);
}

static void
a_view_of_less_than_a_large_page_ends(void **state)
{
  (void)state;
  size_t      resident;
  sa_section *section = sa_section_create(NULL, 4 * MIB, SA_SECTION_LARGE_PAGES);
  if (!section)
    skip();
  size_t page = sa_section_page(section);
  char  *view = sa_section_map(section, NULL, page, 5, SA_VIEW_WRITE);
  assert_non_null(view);
  memcpy(view, "hello", 5);
  assert_int_equal(sa_view_flush(view, 0), 0);
  assert_int_equal(sa_view_hint(view, 5, SA_VIEW_LET_GO), 0);
  assert_int_equal(sa_view_hint(view + 1, 4, SA_VIEW_LOAD), 0);
  assert_int_equal(sa_view_resident(view, 5, &resident), 0);
  assert_memory_equal(view, "hello", 5);
  assert_int_equal(sa_view_unmap(view), 0);
  char *again = sa_section_map(section, view, page, 1, SA_VIEW_COPY); /* the place is free */
  assert_ptr_equal(again, view);
  again[0] = 'H';
  assert_int_equal(sa_view_hint(again, 1, SA_VIEW_LET_GO), 0);
  assert_int_equal(again[0], 'H');
  assert_int_equal(sa_view_unmap(again), 0);
  sa_section_close(section);
}

/* --- files ------------------------------------------------------------------------------------ */

static long
size_of_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  fclose(file);
  return size;
}

static void
a_file_grows_to_the_size_and_gets_what_is_flushed(void **state)
{
  (void)state;
  const char *path = name_of("grows.bin");
  char        bytes[6] = "";
  FILE       *file = fopen(path, "wb");
  fwrite("hello", 5, 1, file);
  fclose(file);
  sa_section *section = sa_section_create_file(path, SIZE, SA_SECTION_DURABLE);
  assert_non_null(section);
  assert_int_equal(size_of_file(path), SIZE);
  char *view = view_of(section, SA_VIEW_WRITE);
  assert_memory_equal(view, "hello", 5);
  memcpy(view, "HELLO", 5);
  assert_int_equal(sa_view_flush(view, 5), 0);
  file = fopen(path, "rb");
  assert_int_equal(fread(bytes, 1, 5, file), 5);
  fclose(file);
  assert_string_equal(bytes, "HELLO");
  sa_view_unmap(view);
  sa_section_close(section);
  assert_int_equal(size_of_file(path), SIZE);
  remove(path);
}

static void
a_copy_of_a_file_never_reaches_it(void **state)
{
  (void)state;
  const char *path = name_of("copy.bin");
  sa_section *section = sa_section_create_file(path, SIZE, SA_SECTION_EXCLUSIVE);
  assert_non_null(section);
  char *shared = view_of(section, SA_VIEW_WRITE), *copy = view_of(section, SA_VIEW_COPY);
  fill(shared, SIZE, 1);
  fill(copy, SIZE, 2);
  assert_int_equal(sa_view_flush(copy, SIZE), 0);
  sa_view_unmap(copy);
  assert_true(is_filled(shared, SIZE, 1));
  sa_view_unmap(shared);
  sa_section_close(section);
  section = sa_section_create_file(path, SIZE, SA_SECTION_READ_ONLY);
  assert_non_null(section);
  shared = view_of(section, SA_VIEW_READ);
  assert_true(is_filled(shared, SIZE, 1));
  sa_view_unmap(shared);
  sa_section_close(section);
  remove(path);
}

static void
bad_files_are_refused(void **state)
{
  (void)state;
  const char *path = name_of("bad.bin");
  assert_fails(!sa_section_create_file(path, SIZE, SA_SECTION_READ_ONLY), ENOENT);
  FILE *file = fopen(path, "wb");
  fwrite("hello", 5, 1, file);
  fclose(file);
  assert_fails(!sa_section_create_file(path, SIZE, SA_SECTION_READ_ONLY), ENODATA);
  assert_fails(!sa_section_create_file(path, 6, SA_SECTION_READ_ONLY), ENODATA);
  assert_fails(!sa_section_create_file(path, SIZE, SA_SECTION_EXCLUSIVE), EEXIST);
  remove(path);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_new_section_is_all_zeros),
    cmocka_unit_test(who_opens_a_name_sees_what_its_creator_wrote),
    cmocka_unit_test(the_second_creator_of_a_name_is_told_that_it_existed),
    cmocka_unit_test(a_name_that_must_be_new_is_not_taken_twice),
    cmocka_unit_test(a_name_of_another_size_is_refused),
    cmocka_unit_test(the_name_goes_with_the_last_handle),
    cmocka_unit_test(a_view_keeps_the_name_without_a_handle),
    cmocka_unit_test(unnamed_sections_are_different_ones),
    cmocka_unit_test(an_unnamed_section_is_passed_by_its_descriptor),
    cmocka_unit_test(a_view_of_a_part_starts_at_its_offset),
    cmocka_unit_test(a_copy_sees_the_section_but_does_not_reach_it),
    cmocka_unit_test(a_view_at_an_address_is_there_if_it_is_free),
    cmocka_unit_test(a_view_at_an_address_does_not_replace_what_is_there),
    cmocka_unit_test(hints_change_no_byte),
    cmocka_unit_test(what_was_written_is_resident),
    cmocka_unit_test(offsets_and_addresses_are_each_others_inverse),
    cmocka_unit_test(a_list_of_offsets_is_read_through_another_view),
    cmocka_unit_test(an_offset_pointer_never_leads_out_of_the_span),
    cmocka_unit_test(bad_sizes_are_refused),
    cmocka_unit_test(bad_names_are_refused),
    cmocka_unit_test(bad_flags_are_refused),
    cmocka_unit_test(bad_views_are_refused),
    cmocka_unit_test(what_is_open_to_be_read_is_not_written),
    cmocka_unit_test(what_is_no_view_is_refused),
    cmocka_unit_test(large_pages_are_there_or_clearly_not),
    cmocka_unit_test(a_view_of_less_than_a_large_page_ends),
    cmocka_unit_test(a_file_grows_to_the_size_and_gets_what_is_flushed),
    cmocka_unit_test(a_copy_of_a_file_never_reaches_it),
    cmocka_unit_test(bad_files_are_refused),
    cmocka_unit_test(nothing_is_left_open_or_mapped),
  };
  return cmocka_run_group_tests(tests, count_before, NULL);
}
