/* SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

RPC_STATUS raised;

static void
note(RPC_STATUS status)
{
  raised = status;
}

int
note_raised(void **state)
{
  (void)state;
  raised = RPC_S_OK;
  sa_set_raise_handler(note);
  return sa_scope_current() ? -1 : 0;
}

int
expect_no_scope(void **state)
{
  (void)state;
  return sa_scope_current() ? -1 : 0;
}

void
in_thread(void *(*body)(void *), void *argument)
{
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
  pthread_join(thread, NULL);
}

void
assert_aborted_saying(const struct child *child, const char *part)
{
  assert_true(WIFSIGNALED(child->status));
  assert_int_equal(WTERMSIG(child->status), SIGABRT);
  assert_int_equal(count_lines(child->said), 1);
  assert_memory_equal(child->said, "stuballoc: ", strlen("stuballoc: "));
  assert_non_null(strstr(child->said, part));
}

static size_t
data_size(void)
{
  unsigned long pages = 0;
  FILE         *statm = fopen("/proc/self/statm", "r");
  if (!statm || fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
    _exit(1);
  fclose(statm);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void
limit_memory(size_t bytes)
{
  size_t most = data_size() + bytes;
  if (setrlimit(RLIMIT_DATA, &(struct rlimit){most, most}) != 0)
    _exit(1);
}
