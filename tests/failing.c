/* System calls that fail: the linker puts these in place of the system's (--wrap), in front of the
 * static library. FAULT=mmap:3 makes the third mmap fail, FAULT=mmap:3+ also all that follow it.
 *
 * The engine asks the system for many pages at once, so what is above it has its own two ways to get
 * memory fail as well: units, and small blocks.
 *
 * SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE /* FreeDCE has it */
#define _GNU_SOURCE
#endif
#include "failing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What it returns, its name, what it returns when it fails and with which errno, its parameters. What
 * takes any number of arguments is called with the most that it takes. */
#define CALLS(CALL)                                                                                \
  CALL(void *, mmap, MAP_FAILED, ENOMEM,                                                           \
       (void *at, size_t length, int access, int flags, int file, off_t offset),                   \
       (at, length, access, flags, file, offset))                                                  \
  CALL(int, munmap, -1, ENOMEM, (void *at, size_t length), (at, length))                           \
  CALL(int, mprotect, -1, ENOMEM, (void *at, size_t length, int access), (at, length, access))     \
  CALL(int, madvise, -1, ENOMEM, (void *at, size_t length, int advice), (at, length, advice))      \
  CALL(void *, mremap, MAP_FAILED, ENOMEM,                                                         \
       (void *at, size_t old_length, size_t length, int flags, void *to),                          \
       (at, old_length, length, flags, to))                                                        \
  CALL(int, mincore, -1, ENOMEM, (void *at, size_t length, unsigned char *pages),                  \
       (at, length, pages))                                                                        \
  CALL(int, msync, -1, EIO, (void *at, size_t length, int flags), (at, length, flags))             \
  CALL(int, open, -1, EMFILE, (const char *path, int flags, mode_t mode), (path, flags, mode))     \
  CALL(int, openat, -1, EMFILE, (int place, const char *path, int flags, mode_t mode),             \
       (place, path, flags, mode))                                                                 \
  CALL(int, linkat, -1, ENOSPC,                                                                    \
       (int place, const char *path, int to, const char *name, int flags),                         \
       (place, path, to, name, flags))                                                             \
  CALL(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), (name, flags))           \
  CALL(int, ftruncate, -1, ENOSPC, (int file, off_t length), (file, length))                       \
  CALL(int, fallocate, -1, ENOSPC, (int file, int mode, off_t offset, off_t length),               \
       (file, mode, offset, length))                                                               \
  CALL(int, flock, -1, ENOLCK, (int file, int operation), (file, operation))                       \
  CALL(int, fcntl, -1, error_of(command), (int file, int command, void *argument),                 \
       (file, command, argument))                                                                  \
  CALL(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))                   \
  CALL(                                                                                            \
    int, pthread_create, EAGAIN, 0,                                                                \
    (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument), \
    (thread, attributes, body, argument))                                                          \
  CALL(int, pthread_key_create, EAGAIN, 0, (pthread_key_t * key, void (*end)(void *)), (key, end)) \
  CALL(struct sa_slab *, sa_units_take, NULL, ENOMEM,                                              \
       (size_t units, size_t alignment, bool *zeroed), (units, alignment, zeroed))                 \
  CALL(void *, sa_malloc, NULL, ENOMEM, (size_t size), (size))

_Atomic unsigned long        failing_failed;
static _Atomic unsigned long calls; /* of the kind that is to fail */
static atomic_bool           is_over;

void
failing_end(void)
{
  is_over = true;
}

/* For fcntl: no locks left, no descriptors left; -1: it does not fail. */
static int
error_of(int command)
{
  if (command == F_OFD_SETLK || command == F_OFD_GETLK)
    return ENOLCK;
  return command == F_DUPFD_CLOEXEC ? EMFILE : -1;
}

/* Whether this call is to fail. */
static bool
fails(const char *call, int error)
{
  const char *fault = getenv("FAULT");
  size_t      length = strlen(call);
  if (!fault || error < 0 || is_over || strncmp(fault, call, length) != 0 || fault[length] != ':')
    return false;
  char         *end;
  unsigned long first = strtoul(fault + length + 1, &end, 10), now = ++calls;
  if (now != first && !(now > first && *end == '+'))
    return false;
  failing_failed++;
  errno = error;
  return true;
}

#define DEFINE(type, call, bad, error, parameters, arguments)                                      \
  type __real_##call parameters;                                                                   \
  type __wrap_##call parameters;                                                                   \
  type __wrap_##call parameters                                                                    \
  {                                                                                                \
    return fails(#call, error) ? bad : __real_##call arguments;                                    \
  }
CALLS(DEFINE)

#define NAME(type, call, ...) #call,
const char *const failing_calls[] = {CALLS(NAME) NULL};

int
failing_exit_of(pid_t child, const char *with)
{
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return -1;
  if (!WIFEXITED(status))
    fprintf(stderr, "with %s: signal %d\n", with, WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

long
failing_each(const char *program, const char *call, const char *and_later)
{
  char fault[64];
  long n = 0;
  int  status;
  do {
    snprintf(fault, sizeof fault, "%s:%ld%s", call, ++n, and_later);
    pid_t child = fork();
    if (child == 0) {
      setenv("FAULT", fault, 1);
      execl(program, program, (char *)NULL);
      _exit(127);
    }
    status = failing_exit_of(child, fault);
  } while (status == FAILING_FAILED);
  return status == FAILING_NOTHING_FAILED ? n - 1 : -1;
}
