/* A file to which records are appended, without allocating. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

/* What was opened, so that it is known again: the program may close what it did not open, and open
 * another file in its place. Set before records are written. */
static dev_t device;
static ino_t inode;

static bool
is_the_same(int file)
{
  struct stat status;
  return fstat(file, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* For us alone, and empty. What is no file on a disk is neither. */
static bool
take(int file)
{
  struct stat status;
  if (fstat(file, &status) != 0)
    return false;
  device = status.st_dev;
  inode = status.st_ino;
  if (!S_ISREG(status.st_mode))
    return true;
  if (flock(file, LOCK_EX | LOCK_NB) == 0)
    return ftruncate(file, 0) == 0;
  if (errno == EWOULDBLOCK)
    errno = EBUSY;
  return false;
}

/* Under a number that programs do not use as if it were theirs, if there is one. */
static int
move_up(int low)
{
  int file = fcntl(low, F_DUPFD_CLOEXEC, 100);
  if (file < 0)
    return low;
  close(low);
  return file;
}

int
sa_os_record_open(const char *path)
{
  int low = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int file = low < 0 ? low : move_up(low);
  if (file < 0 || take(file))
    return file;
  int saved = errno;
  close(file);
  errno = saved;
  return -1;
}

/* 0 or an errno value. */
static int
write_all(int file, struct iovec *parts, int count)
{
  while (count > 0) {
    ssize_t written = writev(file, parts, count);
    if (written < 0 && errno != EINTR)
      return errno;
    size_t left = written < 0 ? 0 : (size_t)written;
    for (; count > 0 && left >= parts->iov_len; count--)
      left -= parts++->iov_len;
    if (count > 0) {
      parts->iov_base = (char *)parts->iov_base + left;
      parts->iov_len -= left;
    }
  }
  return 0;
}

/* A limit to the size of files, or a pipe that nobody reads, sends a signal, too. It is caught here. */
int
sa_os_record(int file, const void *head, size_t head_length, const void *rest, size_t rest_length)
{
  struct iovec parts[] = {{(void *)(uintptr_t)head, head_length},
                          {(void *)(uintptr_t)rest, rest_length}};
  sigset_t     ours, before;
  if (!is_the_same(file))
    return EBADF;
  sigemptyset(&ours);
  sigaddset(&ours, SIGXFSZ);
  sigaddset(&ours, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &ours, &before);
  int cancel = sa_os_forbid_cancel();
  int failed = write_all(file, parts, 2);
  sa_os_allow_cancel(cancel);
  if (failed)
    sigtimedwait(&ours, NULL, &(struct timespec){0});
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed;
}

void
sa_os_record_close(int file)
{
  if (is_the_same(file))
    close(file);
}

long
sa_os_process(void)
{
  return getpid();
}
