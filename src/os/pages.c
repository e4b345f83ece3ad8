/* The public page functions: os.h's, for arguments that are not to be trusted. */
#include "stuballoc/pages.h"

#include <errno.h>

#include "os/os.h"

static bool
are_multiples(const void *at, size_t length, size_t page)
{
  bool are = at && length != 0 && (uintptr_t)at % page == 0 && length % page == 0;
  if (!are)
    errno = EINVAL;
  return are;
}

static bool
are_pages(const void *at, size_t length)
{
  return are_multiples(at, length, sa_os_page());
}

static int
result(bool done)
{
  return done ? 0 : -1;
}

size_t
sa_pages_size(void)
{
  return sa_os_page();
}

size_t
sa_pages_large_size(void)
{
  return sa_os_large_page();
}

void *
sa_pages_reserve(size_t length, size_t alignment)
{
  size_t page = sa_os_page();
  if (length == 0 || length % page != 0 || (alignment & (alignment - 1)) != 0) {
    errno = EINVAL;
    return NULL;
  }
  return sa_os_reserve(length, alignment < page ? page : alignment);
}

int
sa_pages_commit(void *at, size_t length)
{
  return result(are_pages(at, length) && sa_os_commit(at, length));
}

int
sa_pages_decommit(void *at, size_t length)
{
  /* it may have to be written to */
  if (!are_pages(at, length) || !sa_os_protect(at, length, SA_OS_WRITE))
    return -1;
  bool still_committed = sa_os_decommit(at, length);
  return result(!still_committed || sa_os_protect(at, length, SA_OS_NONE));
}

int
sa_pages_protect(void *at, size_t length, unsigned access)
{
  static const enum sa_os_access meant[] = {
    [SA_PAGES_NONE] = SA_OS_NONE, [SA_PAGES_READ] = SA_OS_READ, [SA_PAGES_WRITE] = SA_OS_WRITE};
  if (access >= sizeof meant / sizeof *meant) {
    errno = EINVAL;
    return -1;
  }
  return result(are_pages(at, length) && sa_os_protect(at, length, meant[access]));
}

int
sa_pages_release(void *at, size_t length)
{
  return result(are_pages(at, length) && sa_os_release(at, length));
}

int
sa_pages_commit_large(void *at, size_t length)
{
  if (!are_multiples(at, length, sa_os_large_page()))
    return -1;
  enum sa_os_outcome outcome = sa_os_commit_large(at, length);
  if (outcome == SA_OS_DONE)
    return 0;
  if (outcome == SA_OS_REFUSED && sa_os_commit(at, length))
    errno = ENOTSUP;
  else
    errno = ENOMEM;
  return -1;
}
