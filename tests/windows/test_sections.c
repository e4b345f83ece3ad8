/*
 * Sections among processes on Windows: a child is this program again, with what it is to do as its
 * argument, and is terminated when it has done it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <stuballoc/section.h>

enum { ROOM = 4 * MIB };

static char name[64]; /* of the section; a child is told it */

/* --- the child -------------------------------------------------------------------------------- */

static size_t
fill_up(sa_section *section)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.section = section});
  size_t    count = 0;
  while (scope && sa_scope_alloc(scope, 1000))
    count++;
  return count;
}

enum { ROUNDS = 100 };

/* What two processes that create the same names do, round by round. */
struct race {
  struct {
    _Atomic int come, done, news;
  } rounds[ROUNDS];
  _Atomic int wrong;
};

static void
take_part(struct race *race, const char *section_name)
{
  char its_name[80];
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(its_name, sizeof its_name, "%s-%d", section_name, i);
    for (race->rounds[i].come++; race->rounds[i].come < 2;)
      Sleep(0);
    sa_section *section = sa_section_create(its_name, ROOM, 0);
    race->wrong += !section || (errno != 0 && errno != EEXIST);
    race->rounds[i].news += errno == 0;
    for (race->rounds[i].done++;
         race->rounds[i].done < 2;) /* so that nobody leaves before both have come */
      Sleep(0);
    sa_section_close(section);
  }
}

/* Of its name, or of an inherited handle. */
static sa_section *
section_of(const char *what, const char *section_name)
{
  return strcmp(what, "inherit") == 0
           ? sa_section_adopt((intptr_t)strtoull(section_name, NULL, 10), 0)
           : sa_section_create(section_name, ROOM, 0);
}

/* Says by an event that it is done, and waits for its end. */
static int
be_child(const char *what, const char *section_name, const char *event)
{
  sa_section *section = section_of(what, section_name);
  char       *view = section ? sa_section_map(section, NULL, 0, ROOM, SA_VIEW_WRITE) : NULL;
  if (!view)
    return 1;
  sa_section_close(strcmp(what, "view") == 0 ? section : NULL);
  if (strcmp(what, "fill") == 0 && fill_up(section) == 0)
    return 2;
  if (strcmp(what, "race") != 0)
    strcpy(view, "the child was here");
  SetEvent(OpenEventA(EVENT_MODIFY_STATE, FALSE, event));
  if (strcmp(what, "race") == 0)
    take_part((struct race *)view, section_name);
  Sleep(60000);
  return 3;
}

/* --- the parent ------------------------------------------------------------------------------- */

/* Starts a child; returns when it has done what it is to do. */
static HANDLE
start(const char *what)
{
  char                program[MAX_PATH], command[2 * MAX_PATH], event[80];
  STARTUPINFOA        startup = {.cb = sizeof startup};
  PROCESS_INFORMATION child;
  snprintf(event, sizeof event, "event of %lu %s", GetCurrentProcessId(), name);
  HANDLE done = CreateEventA(NULL, FALSE, FALSE, event);
  GetModuleFileNameA(NULL, program, sizeof program);
  snprintf(command, sizeof command, "\"%s\" %s %s \"%s\"", program, what, name, event);
  assert_true(CreateProcessA(program, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child));
  HANDLE either[] = {done, child.hProcess};
  assert_int_equal(WaitForMultipleObjects(2, either, FALSE, 60000), WAIT_OBJECT_0);
  CloseHandle(done);
  CloseHandle(child.hThread);
  return child.hProcess;
}

static void
terminate(HANDLE child)
{
  assert_true(TerminateProcess(child, 9));
  WaitForSingleObject(child, INFINITE);
  CloseHandle(child);
}

static void
is_gone(void)
{
  errno = 0;
  assert_null(sa_section_open(name, 0));
  assert_int_equal(errno, ENOENT);
}

static int
name_it(void **state)
{
  static unsigned number;
  (void)state;
  snprintf(name, sizeof name, "test-%lu-%u", GetCurrentProcessId(), number++);
  return 0;
}

static void
a_view_of_another_process_keeps_name_and_contents(void **state)
{
  (void)state;
  HANDLE      child = start("view");
  sa_section *section = sa_section_create(name, ROOM, 0);
  assert_non_null(section);
  assert_int_equal(errno, EEXIST);
  char *view = sa_section_map(section, NULL, 0, ROOM, SA_VIEW_READ);
  assert_non_null(view);
  assert_string_equal(view, "the child was here");
  terminate(child);
  assert_string_equal(view, "the child was here");
  sa_section_close(section);
  sa_view_unmap(view);
  is_gone();
}

static void
the_name_goes_with_a_terminated_process(void **state)
{
  (void)state;
  terminate(start("hold"));
  is_gone();
}

static void
what_a_terminated_process_had_comes_back(void **state)
{
  (void)state;
  sa_section *section = sa_section_create(name, ROOM, 0);
  HANDLE      child = start("fill");
  sa_scope   *scope = sa_scope_create(&(sa_scope_options){.section = section});
  assert_non_null(scope);
  assert_null(sa_scope_alloc(scope, 1000));
  terminate(child);
  assert_non_null(sa_scope_alloc(scope, ROOM / 2));
  sa_scope_destroy(scope);
  sa_section_close(section);
  is_gone();
}

static void
one_of_two_creators_makes_the_section(void **state)
{
  (void)state;
  sa_section  *section = sa_section_create(name, ROOM, 0);
  struct race *race = sa_section_map(section, NULL, 0, ROOM, SA_VIEW_WRITE);
  HANDLE       child = start("race");
  take_part(race, name);
  assert_int_equal(race->wrong, 0);
  for (int i = 0; i < ROUNDS; i++)
    assert_int_equal(race->rounds[i].news, 1);
  terminate(child);
  sa_view_unmap(race);
  sa_section_close(section);
  is_gone();
}

static void
a_child_inherits_an_unnamed_section(void **state)
{
  (void)state;
  HANDLE      passed, self = GetCurrentProcess();
  sa_section *section = sa_section_create(NULL, ROOM, 0);
  char       *view = sa_section_map(section, NULL, 0, ROOM, SA_VIEW_READ);
  assert_non_null(view);
  assert_true(DuplicateHandle(self, (HANDLE)sa_section_descriptor(section), self, &passed, 0, TRUE,
                              DUPLICATE_SAME_ACCESS));
  snprintf(name, sizeof name, "%llu", (unsigned long long)(uintptr_t)passed);
  HANDLE child = start("inherit");
  assert_string_equal(view, "the child was here");
  terminate(child);
  CloseHandle(passed);
  sa_view_unmap(view);
  sa_section_close(section);
}

static void
a_handle_to_be_read_is_not_written(void **state)
{
  (void)state;
  HANDLE      reads, self = GetCurrentProcess();
  sa_section *section = sa_section_create(NULL, ROOM, 0);
  assert_true(DuplicateHandle(self, (HANDLE)sa_section_descriptor(section), self, &reads,
                              FILE_MAP_READ, FALSE, 0));
  errno = 0;
  assert_null(sa_section_adopt((intptr_t)reads, 0));
  assert_int_equal(errno, EACCES);
  sa_section *adopted = sa_section_adopt((intptr_t)reads, SA_SECTION_READ_ONLY);
  assert_non_null(adopted);
  void *view = sa_section_map(adopted, NULL, 0, ROOM, SA_VIEW_READ);
  assert_non_null(view);
  sa_view_unmap(view);
  sa_section_close(adopted);
  CloseHandle(reads);
  sa_section_close(section);
}

int
main(int argc, char **argv)
{
  if (argc == 4)
    return be_child(argv[1], argv[2], argv[3]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_view_of_another_process_keeps_name_and_contents, name_it,
                                    NULL),
    cmocka_unit_test_setup_teardown(the_name_goes_with_a_terminated_process, name_it, NULL),
    cmocka_unit_test_setup_teardown(what_a_terminated_process_had_comes_back, name_it, NULL),
    cmocka_unit_test_setup_teardown(one_of_two_creators_makes_the_section, name_it, NULL),
    cmocka_unit_test_setup_teardown(a_child_inherits_an_unnamed_section, name_it, NULL),
    cmocka_unit_test_setup_teardown(a_handle_to_be_read_is_not_written, name_it, NULL),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
