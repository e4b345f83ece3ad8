/*
 * Memory that other processes may read: a file in /dev/shm, stuballoc-USER.stats-PROCESS, as a
 * section of that name would be. This process holds a shared lock on it, which goes with the process,
 * however that ends; so who gets an exclusive one knows that the file is nobody's, and may remove it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"

/* Set once, by the thread that publishes, before it is read by the same at exit. */
static char  path[64];
static pid_t publisher; /* 0: there is none */

static void *
map_file(int file, size_t length)
{
  if (flock(file, LOCK_SH) != 0 || ftruncate(file, (off_t)length) != 0)
    return NULL;
  void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return at == MAP_FAILED ? NULL : at;
}

void *
sa_os_publish(size_t length)
{
  snprintf(path, sizeof path, "/dev/shm/stuballoc-%ld.stats-%ld", (long)getuid(), (long)getpid());
  unlink(path); /* one that a process of the same number left behind */
  int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return NULL;
  void *at = map_file(file, length);
  if (at) {
    publisher = getpid(); /* the file stays open, for the lock */
    return at;
  }
  int saved = errno;
  unlink(path);
  close(file);
  errno = saved;
  return NULL;
}

/* Not in the child of a fork, whose it is not. */
static __attribute__((destructor)) void
withdraw(void)
{
  if (publisher == getpid())
    unlink(path);
}

void
sa_os_program(char *name, size_t room)
{
  memset(name, 0, room);
  memcpy(name, program_invocation_short_name, strnlen(program_invocation_short_name, room - 1));
}
