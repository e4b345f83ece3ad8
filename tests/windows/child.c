/*
 * Children on Windows, where nothing forks: a child is this program, started anew. It runs the test that
 * asked for it from the beginning, and where the test asked for the child, what the child is to do.
 *
 * SPDX-License-Identifier: MIT
 */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

enum { CHILD_MILLISECONDS = 60000, STATUS_OF_ABORT = 3 };
#define CHILD                                                                                      \
  "STUBALLOC_TEST_CHILD" /* in a child alone: its number, and the test that asked for it */

jmp_buf     cmocka_leave;
const char *cmocka_current;
unsigned    cmocka_children;

static const char *
own_test(unsigned *number)
{
  char       *end;
  const char *child = getenv(CHILD);
  if (!child)
    return NULL;
  *number = (unsigned)strtoul(child, &end, 10);
  return end + 1;
}

bool
cmocka_is_child(void)
{
  return getenv(CHILD);
}

bool
cmocka_runs(const char *test)
{
  unsigned    number;
  const char *own = own_test(&number);
  return !own || strcmp(own, test) == 0;
}

/* --- the parent ------------------------------------------------------------------------------- */

static void
read_all(HANDLE from, char *text, size_t room)
{
  size_t length = 0;
  DWORD  got;
  while (length + 1 < room && ReadFile(from, text + length, (DWORD)(room - 1 - length), &got, NULL)
         && got > 0)
    length += got;
  text[length] = '\0';
}

static HANDLE
start(const char *argument, HANDLE said)
{
  char                program[MAX_PATH], command[2 * MAX_PATH];
  PROCESS_INFORMATION child;
  STARTUPINFOA        startup = {.cb = sizeof startup,
                                 .dwFlags = STARTF_USESTDHANDLES,
                                 .hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE),
                                 .hStdError = said};
  GetModuleFileNameA(NULL, program, sizeof program);
  snprintf(command, sizeof command, "\"%s\" %s", program, argument);
  assert_true(CreateProcessA(program, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child));
  CloseHandle(child.hThread);
  return child.hProcess;
}

static int
wait_for(HANDLE process)
{
  DWORD status;
  if (WaitForSingleObject(process, CHILD_MILLISECONDS) != WAIT_OBJECT_0)
    TerminateProcess(process, SIGTERM);
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &status);
  CloseHandle(process);
  return status == STATUS_OF_ABORT ? SIGABRT : (int)status;
}

static struct child
run(const char *argument)
{
  struct child        child;
  HANDLE              ends[2];
  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  assert_true(CreatePipe(&ends[0], &ends[1], &inherited, 0));
  SetHandleInformation(ends[0], HANDLE_FLAG_INHERIT, 0);
  HANDLE process = start(argument, ends[1]);
  CloseHandle(ends[1]);
  read_all(ends[0], child.said, sizeof child.said);
  CloseHandle(ends[0]);
  child.status = wait_for(process);
  return child;
}

struct child
child_rerun(const char *what, const char *options)
{
  char before[256] = "", argument[MAX_PATH];
  GetEnvironmentVariableA("STUBALLOC", before, sizeof before);
  SetEnvironmentVariableA("STUBALLOC", options);
  snprintf(argument, sizeof argument, "\"%s\"", what);
  struct child child = run(argument);
  SetEnvironmentVariableA("STUBALLOC", before[0] ? before : NULL);
  return child;
}

/* --- both ------------------------------------------------------------------------------------- */

/* Of one that the test expects, Wine's debugger need not tell. */
static LONG WINAPI
end_at_crash(EXCEPTION_POINTERS *crash)
{
  TerminateProcess(GetCurrentProcess(), crash->ExceptionRecord->ExceptionCode);
  return EXCEPTION_CONTINUE_SEARCH;
}

struct child
child_run(void (*body)(void *), void *argument)
{
  unsigned number;
  char     own[256];
  cmocka_children++;
  if (!own_test(&number)) {
    snprintf(own, sizeof own, "%u %s", cmocka_children, cmocka_current);
    SetEnvironmentVariableA(CHILD, own);
    struct child child = run("");
    SetEnvironmentVariableA(CHILD, NULL);
    return child;
  }
  if (cmocka_children < number)
    return (struct child){0};
  SetUnhandledExceptionFilter(end_at_crash);
  body(argument);
  exit(0);
}

/* No test that needs one of these comes as far. */
void
limit_memory(size_t bytes)
{
  (void)bytes;
  abort();
}

void
exhaust_memory(void)
{
  abort();
}
