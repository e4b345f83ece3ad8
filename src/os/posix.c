/* The system below, on POSIX with what Linux adds; os.h has the contract. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/os.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifdef SYS_membarrier
#include <linux/membarrier.h>
#endif

#define GIB ((size_t)1 << 30)

size_t
sa_os_page(void)
{
  static size_t page; /* racing threads store the same value */
  size_t        known = __atomic_load_n(&page, __ATOMIC_RELAXED);
  if (known == 0) {
    known = (size_t)sysconf(_SC_PAGESIZE);
    __atomic_store_n(&page, known, __ATOMIC_RELAXED);
  }
  return known;
}

size_t
sa_os_reservation(void)
{
  long   pages = sysconf(_SC_PHYS_PAGES);
  size_t memory = pages > 0 ? (size_t)pages * sa_os_page() : GIB;
  size_t size = GIB;
  while (size < 4 * memory && size < 1024 * GIB)
    size *= 2;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
      && limit.rlim_cur / 8 < size)
    size = (size_t)limit.rlim_cur / 8;
  return size;
}

static void *
map(size_t length, int protection)
{
  void *at = mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? NULL : at;
}

void *
sa_os_reserve(size_t length, size_t alignment)
{
  if (length > SIZE_MAX - alignment) {
    errno = ENOMEM;
    return NULL;
  }
  char *at = map(length + alignment, PROT_NONE);
  if (!at)
    return NULL;
  size_t before = (alignment - ((uintptr_t)at & (alignment - 1))) & (alignment - 1);
  if (before > 0)
    munmap(at, before);
  if (alignment - before > 0)
    munmap(at + before + length, alignment - before);
  return at + before;
}

void *
sa_os_reserve_zeros(size_t length)
{
  return map(length, PROT_READ);
}

bool
sa_os_commit(void *at, size_t length)
{
  return mprotect(at, length, PROT_READ | PROT_WRITE) == 0;
}

bool
sa_os_protect(void *at, size_t length, enum sa_os_access access)
{
  static const int protection[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
  return mprotect(at, length, protection[access]) == 0;
}

bool
sa_os_release(void *at, size_t length)
{
  return munmap(at, length) == 0;
}

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif

bool
sa_os_decommit(void *at, size_t length)
{
  int saved = errno;
  /* pages locked by mlockall need another word, which not every system knows */
  bool gone =
    madvise(at, length, MADV_DONTNEED) == 0 || madvise(at, length, MADV_DONTNEED_LOCKED) == 0;
  if (!gone && mprotect(at, length, PROT_READ | PROT_WRITE) == 0) /* it may have been closed */
    memset(at, 0, length);
  errno = saved;
  return true;
}

/* Commits a range that a mapping over it, which then failed, may have taken away. In between, another
 * thread's mapping may have got the place; that there is one does not tell whose. */
static enum sa_os_outcome
restore(void *at, size_t length)
{
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  return mmap(at, length, PROT_READ | PROT_WRITE, flags, -1, 0) == at ? SA_OS_REFUSED : SA_OS_LOST;
}

size_t
sa_os_large_page(void)
{
  return (size_t)2 << 20;
}

#ifdef MAP_HUGETLB

/* Whether the system has the pages. A mapping over another one that fails may take that with it, so
 * it is tried elsewhere first. */
static bool
has_large_pages(size_t length, int flags)
{
  void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (at == MAP_FAILED)
    return false;
  munmap(at, length);
  return true;
}

enum sa_os_outcome
sa_os_commit_large(void *at, size_t length)
{
  const int access = PROT_READ | PROT_WRITE;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const int large = flags | MAP_HUGETLB | 21 << 26 /* 2 MiB */;
  if (!has_large_pages(length, large))
    return SA_OS_REFUSED;
  if (mmap(at, length, access, large | MAP_FIXED, -1, 0) != MAP_FAILED)
    return SA_OS_DONE;
  return restore(at, length); /* another process was faster */
}

#else

enum sa_os_outcome
sa_os_commit_large(void *at, size_t length)
{
  (void)at, (void)length;
  return SA_OS_REFUSED;
}

#endif

bool
sa_os_uncommit_large(void *at, size_t length)
{
  /* one call, so that no other thread's mapping can take the place in between */
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return mmap(at, length, PROT_NONE, flags, -1, 0) != MAP_FAILED;
}

void
sa_os_prefer_large(void *at, size_t length)
{
#ifdef MADV_HUGEPAGE
  int saved = errno;
  madvise(at, length, MADV_HUGEPAGE);
  errno = saved;
#else
  (void)at, (void)length;
#endif
}

#ifdef MREMAP_DONTUNMAP

/* Marks a range, so that it is known again: if the mark is there, no other mapping can be. */
static uint64_t
put_mark(void *at)
{
  uint64_t mark = (uintptr_t)at ^ sa_os_nanoseconds() << 24;
  memcpy(at, &mark, sizeof mark);
  return mark;
}

static bool
has_mark(const void *at, uint64_t mark)
{
  uint64_t found;
  return sa_os_peek(&found, at, sizeof found) && found == mark;
}

#endif

enum sa_os_outcome
sa_os_move(void *to, void *from, size_t length)
{
  int                saved = errno;
  enum sa_os_outcome outcome = SA_OS_REFUSED;
#ifdef MREMAP_DONTUNMAP
  /* DONTUNMAP keeps the old range ours: nobody can map something there in between */
  const int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  uint64_t  mark = put_mark(to);
  if (mremap(from, length, length, flags, to) != MAP_FAILED)
    outcome = SA_OS_DONE;
  else if (!has_mark(to, mark))
    outcome = restore(to, length);
#else
  (void)to, (void)from, (void)length;
#endif
  errno = saved;
  return outcome;
}

void
sa_os_once(void (*init)(void))
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, init);
}

static pthread_key_t exit_key;
static bool          has_exit_key; /* else no thread's exit is seen, and its cache stays its own */
static void (*exit_hook)(void);

static void
thread_exits(void *unused)
{
  (void)unused;
  exit_hook();
}

void
sa_os_hooks(void (*thread_exit)(void), void (*forked)(void))
{
  exit_hook = thread_exit;
  has_exit_key = pthread_key_create(&exit_key, thread_exits) == 0;
  pthread_atfork(NULL, NULL, forked);
}

void
sa_os_watch_thread(void)
{
  if (has_exit_key)
    pthread_setspecific(exit_key, &exit_key); /* any value but NULL */
}

void
sa_os_say(const char *line, size_t length)
{
  int     cancel = sa_os_forbid_cancel();
  ssize_t written = write(STDERR_FILENO, line, length);
  (void)written; /* nobody is left to tell */
  sa_os_allow_cancel(cancel);
}

const char *
sa_os_environment(const char *name)
{
  return secure_getenv(name);
}

int
sa_os_forbid_cancel(void)
{
  int before;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  return before;
}

void
sa_os_allow_cancel(int before)
{
  pthread_setcancelstate(before, NULL);
}

void
sa_os_random(void *to, size_t length)
{
#ifdef SYS_getrandom
  if (syscall(SYS_getrandom, to, length, 0) == (long)length)
    return;
#endif
  char    *bytes = to;
  uint64_t mixed = sa_os_nanoseconds() ^ (uintptr_t)&bytes ^ (uint64_t)getpid() << 32;
  for (size_t i = 0; i < length; i++) {
    mixed = mixed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    bytes[i] = (char)(mixed >> 56);
  }
}

void
sa_os_yield(void)
{
  sched_yield();
}

uint64_t
sa_os_nanoseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool
sa_os_peek(void *to, const void *from, size_t length)
{
#ifdef SYS_process_vm_readv
  struct iovec copy = {to, length}, original = {(void *)(uintptr_t)from, length};
  /* the last argument is passed in memory, of which an int would fill half */
  long copied = syscall(SYS_process_vm_readv, getpid(), &copy, 1L, &original, 1L, 0L);
  if (copied >= 0 && copied < (long)length)
    errno = EFAULT; /* the rest is not there */
  return copied == (long)length;
#else
  (void)to, (void)from, (void)length;
  errno = ENOSYS;
  return false;
#endif
}

bool
sa_os_fence_others(void)
{
#ifdef SYS_membarrier
  /* registering once more does no harm, and a fork's child may need it */
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0
         && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
#else
  return false;
#endif
}
