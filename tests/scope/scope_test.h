/*
 * What the tests of scopes share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SCOPE_TEST_H
#define SCOPE_TEST_H

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Runs `body(argument)` in a thread of its own, to its end. */
static inline void *
run_in_thread(void *(*body)(void *), void *argument)
{
  pthread_t thread;
  void     *result;
  assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
  assert_int_equal(pthread_join(thread, &result), 0);
  return result;
}

static inline struct sa_scope_stats
stats_of(sa_scope *scope)
{
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
  return stats;
}

/* The largest size of two of which a scope has blocks of its own: in the hardened mode they have a canary. */
static inline size_t
largest_small(void)
{
  return is_hardened() ? 8192 : 16384;
}

/* A scope with a budget larger than any test needs. What is created inside it is charged to it, so
 * it shows what they hold, and when they give it up. */
static inline sa_scope *
watcher(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "watcher", .budget = SIZE_MAX / 2});
  assert_non_null(scope);
  return scope;
}

static inline sa_scope *
create_inside(sa_scope *around, const sa_scope_options *options)
{
  assert_int_equal(sa_scope_enter(around), 0);
  sa_scope *scope = sa_scope_create(options);
  sa_scope_leave(around);
  assert_non_null(scope);
  return scope;
}

/* The child must abort, and say one line: "stuballoc: <what> of", then something with `why`. */
static inline void
aborts_saying(void (*body)(void *), void *argument, const char *what, const char *why)
{
  struct child child = child_run(body, argument);
  char         start[64];
  snprintf(start, sizeof start, "stuballoc: %s of ", what);
  if (!WIFSIGNALED(child.status) || !says_why(child.said, why))
    print_error("status %d, said: %s\n", child.status, child.said);
  assert_true(WIFSIGNALED(child.status));
  assert_int_equal(WTERMSIG(child.status), SIGABRT);
  assert_int_equal(count_lines(child.said), 1);
  assert_memory_equal(child.said, start, strlen(start));
  assert_true(says_why(child.said, why));
}

#endif
