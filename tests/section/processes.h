/*
 * Several processes that use sections, on POSIX.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include "left.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory that children share without a section. */
static inline void *
shared_memory(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(memory, MAP_FAILED);
  return memory;
}

static inline void
give_shared_memory(void *memory, size_t size)
{
  munmap(memory, size);
}

/* Starts a child that runs `body(argument)` and exits with 0 if that returns, or hangs no longer than a
 * minute. */
static inline pid_t
start(void (*body)(void *), void *argument)
{
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(60);
    body(argument);
    _exit(0);
  }
  return child;
}

static inline int
end_of(pid_t child)
{
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static inline void
kill_child(pid_t child)
{
  assert_int_equal(kill(child, SIGKILL), 0);
  end_of(child);
}

/* What name_of is in the process that started this one. */
static inline const char *
name_of_parent(const char *what)
{
  static char name[128];
  snprintf(name, sizeof name, "test-%d-%s", (int)getppid(), what);
  return name;
}

/* Where a name is; doc/sections.md says so. */
static inline const char *
file_of(const char *name, unsigned flags)
{
  static char file[256];
  if (flags & (SA_SECTION_GROUP | SA_SECTION_ALL))
    snprintf(file, sizeof file, "/dev/shm/stuballoc.%s", name);
  else
    snprintf(file, sizeof file, "/dev/shm/stuballoc-%u.%s", (unsigned)geteuid(), name);
  return file;
}

#endif
