/* For `make coverage`: what a process has run counts even if it ends in the middle. */
#ifndef COVERAGE_H
#define COVERAGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* as some of the sources do, but later */
#endif
#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);

static inline __attribute__((noreturn)) void
coverage_abort(void)
{
  __gcov_dump();
  abort();
}

static inline __attribute__((noreturn)) void
coverage_exit(int status)
{
  __gcov_dump();
  _exit(status);
}

/* Called so, it is not gcov's, in whose child nothing counts that was called on the occasion. */
static __attribute__((unused)) pid_t (*volatile coverage_fork)(void) = fork;

#define abort coverage_abort
#define _exit coverage_exit
#define fork() coverage_fork()

#endif
