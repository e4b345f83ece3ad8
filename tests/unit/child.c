/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 60 };

static void
read_all(int from, char *text, size_t room)
{
  size_t  length = 0;
  ssize_t got;
  while (length + 1 < room && (got = read(from, text + length, room - 1 - length)) > 0)
    length += (size_t)got;
  text[length] = '\0';
}

static void
in_child(void (*body)(void *), void *argument, int said)
{
  /* cmocka catches these to go on with the next test, which is the parent's to do */
  const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
  for (unsigned i = 0; i < sizeof caught / sizeof *caught; i++)
    signal(caught[i], SIG_DFL);
  /* a crash that the test expects is not worth a core file */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  alarm(CHILD_SECONDS);
  dup2(said, STDERR_FILENO);
  close(said);
  body(argument);
  exit(0);
}

struct child
child_run(void (*body)(void *), void *argument)
{
  struct child child;
  int          ends[2];
  assert_int_equal(pipe(ends), 0);
  /* or the child's exit would write the parent's buffered output a second time */
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(ends[0]);
    in_child(body, argument, ends[1]);
  }
  close(ends[1]);
  read_all(ends[0], child.said, sizeof child.said);
  close(ends[0]);
  assert_int_equal(waitpid(pid, &child.status, 0), pid);
  return child;
}

struct rerun {
  const char *what;
  const char *options;
};

/* By its path, since a program's name is where its debug information is looked for. */
static void
run_anew(void *argument)
{
  struct rerun *rerun = argument;
  char          program[PATH_MAX + 1];
  ssize_t       length = readlink("/proc/self/exe", program, PATH_MAX);
  program[length > 0 ? length : 0] = '\0';
  setenv("STUBALLOC", rerun->options, 1);
  execl(program, program, rerun->what, (char *)NULL);
  _Exit(127);
}

struct child
child_rerun(const char *what, const char *options)
{
  return child_run(run_anew, &(struct rerun){what, options});
}
