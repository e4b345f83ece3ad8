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

/* Says by an event that it is done, and waits for its end. */
static int
be_child(const char *what, const char *section_name, const char *event)
{
  sa_section *section = sa_section_create(section_name, ROOM, 0);
  char       *view = section ? sa_section_map(section, NULL, 0, ROOM, SA_VIEW_WRITE) : NULL;
  if (!view)
    return 1;
  sa_section_close(strcmp(what, "view") == 0 ? section : NULL);
  if (strcmp(what, "fill") == 0 && fill_up(section) == 0)
    return 2;
  strcpy(view, "the child was here");
  SetEvent(OpenEventA(EVENT_MODIFY_STATE, FALSE, event));
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
  snprintf(event, sizeof event, "event of %s", name);
  HANDLE done = CreateEventA(NULL, FALSE, FALSE, event);
  GetModuleFileNameA(NULL, program, sizeof program);
  snprintf(command, sizeof command, "\"%s\" %s %s \"%s\"", program, what, name, event);
  assert_true(CreateProcessA(program, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child));
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
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
