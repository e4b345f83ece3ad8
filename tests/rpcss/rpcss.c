/* SPDX-License-Identifier: MIT */
#include "rpcss.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

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

sa_scope *
enter_budget(size_t most)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.budget = most});
  assert_non_null(scope);
  assert_int_equal(sa_scope_enter(scope), 0);
  return scope;
}

void
leave_budget(sa_scope *scope)
{
  assert_ptr_equal(sa_scope_current(), scope);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
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
