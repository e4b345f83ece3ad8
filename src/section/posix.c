/* What sections are made of on POSIX with what Linux adds: files, in memory or not. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "section/names.h"

/* --- descriptors ------------------------------------------------------------------------------ */

void
sa_descriptor_path(char *path, int descriptor)
{
  snprintf(path, SA_DESCRIPTOR_PATH, "/proc/self/fd/%d", descriptor);
}

int
sa_descriptor_reopen(int descriptor)
{
  char path[SA_DESCRIPTOR_PATH];
  int  access = fcntl(descriptor, F_GETFL);
  sa_descriptor_path(path, descriptor);
  return access < 0 ? -1 : open(path, (access & O_ACCMODE) | O_CLOEXEC);
}

static int
object_of(const struct sa_backing *backing)
{
  return (int)backing->object;
}

/* --- files ------------------------------------------------------------------------------------ */

/* 0 if nothing is in the way of a file of that size. */
static int
allocate(int file, uint64_t size)
{
  int failed;
  do
    failed = fallocate(file, 0, 0, (off_t)size) == 0 ? 0 : errno;
  while (failed == EINTR);
  if (failed == EOPNOTSUPP) /* then the space is not there before it is used */
    failed = ftruncate(file, (off_t)size) == 0 ? 0 : errno;
  return failed == EFBIG ? EOVERFLOW : failed;
}

static int
size_of(int file, uint64_t *size)
{
  struct stat status;
  if (fstat(file, &status) != 0)
    return errno;
  *size = (uint64_t)status.st_size;
  return 0;
}

int
sa_file_grow(int file, uint64_t size)
{
  uint64_t there;
  int      failed = size_of(file, &there);
  if (failed)
    return failed;
  failed = allocate(file, size);
  /* what was begun is not to stay */
  if (failed && there < size && ftruncate(file, (off_t)there) != 0)
    return errno;
  return failed;
}

static int
open_file(const char *path, int how, unsigned flags, int *file)
{
  how |= O_NONBLOCK | O_CLOEXEC; /* not to wait for what is no file */
  *file = open(path, how, sa_section_mode(flags));
  return *file < 0 ? errno : 0;
}

/* One that was not there, with the mode that the flags say, whatever the umask. */
static int
make_file(const char *path, unsigned flags, int *file)
{
  int    failed = open_file(path, O_RDWR | O_CREAT | O_EXCL, flags, file);
  mode_t mode = sa_section_mode(flags);
  if (failed || mode == 0600 || fchmod(*file, mode) == 0)
    return failed;
  unlink(path);
  close(*file);
  return ENOTSUP; /* its file system knows no modes */
}

static int
open_or_make(const char *path, unsigned flags, int *file)
{
  if (flags & SA_SECTION_READ_ONLY)
    return open_file(path, O_RDONLY, flags, file);
  int failed = make_file(path, flags, file);
  if (failed != EEXIST || flags & SA_SECTION_EXCLUSIVE)
    return failed;
  /* what is there may be a link to where a file can be made */
  return open_file(path, O_RDWR | O_CREAT, flags, file);
}

/* A device or a pipe cannot be one. */
static int
check_kind(int file)
{
  struct stat status;
  if (fstat(file, &status) != 0)
    return errno;
  return S_ISREG(status.st_mode) ? 0 : EINVAL;
}

int
sa_backing_create_file(struct sa_backing *backing, const char *path, uint64_t size, unsigned flags)
{
  bool reads = flags & SA_SECTION_READ_ONLY;
  int  file;
  int  failed = open_or_make(path, flags, &file);
  if (failed)
    return failed;
  backing->object = file;
  backing->may_shrink = true;
  failed = check_kind(file);
  if (!failed)
    failed = reads ? sa_backing_check(backing, size) : sa_file_grow(file, size);
  if (!failed && flags & SA_SECTION_DURABLE && fsync(file) != 0)
    failed = errno;
  if (failed)
    close(file);
  return failed;
}

/* --- sections with a name, and without -------------------------------------------------------- */

static int
create_named(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags,
             bool *existed)
{
  int file;
  if (flags & SA_SECTION_LARGE_PAGES)
    return ENOTSUP;
  sa_name_file(backing->file, name, flags);
  int failed = sa_name_create(backing->file, *size, flags, &file);
  *existed = failed == EEXIST && !(flags & SA_SECTION_EXCLUSIVE);
  if (*existed)
    failed = size_of(file, size);
  backing->object = file;
  backing->may_shrink = true;
  backing->prefers_large = flags & SA_SECTION_LARGE_PAGES_OR_NOT;
  return failed;
}

/* Memory without a name, of a size that nobody can change. */
static int
make_memory(uint64_t size, unsigned how, int *file)
{
  *file = memfd_create("stuballoc", MFD_CLOEXEC | MFD_ALLOW_SEALING | how);
  if (*file < 0)
    return errno;
  int failed = allocate(*file, size);
  if (!failed && fcntl(*file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    failed = errno;
  if (failed)
    close(*file);
  return failed;
}

static int
make_large(struct sa_backing *backing, uint64_t size, int *file)
{
  size_t page = sa_os_large_page();
  if (size % page != 0)
    return EDOM;
  if (make_memory(size, MFD_HUGETLB | 21u << 26 /* 2 MiB */, file) != 0)
    return ENOTSUP;
  backing->page = page;
  return 0;
}

static int
create_unnamed(struct sa_backing *backing, uint64_t size, unsigned flags)
{
  int file, failed = ENOTSUP;
  if (flags & (SA_SECTION_LARGE_PAGES | SA_SECTION_LARGE_PAGES_OR_NOT))
    failed = make_large(backing, size, &file);
  if (failed && !(flags & SA_SECTION_LARGE_PAGES)) {
    backing->prefers_large = flags & SA_SECTION_LARGE_PAGES_OR_NOT;
    failed = make_memory(size, 0, &file);
  }
  backing->object = file;
  return failed;
}

int
sa_backing_create(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags,
                  bool *existed)
{
  return name ? create_named(backing, name, size, flags, existed)
              : create_unnamed(backing, *size, flags);
}

int
sa_backing_open(struct sa_backing *backing, const char *name, uint64_t *size, unsigned flags)
{
  int file;
  sa_name_file(backing->file, name, flags);
  int failed = sa_name_open(backing->file, flags, &file);
  if (failed)
    return failed;
  backing->object = file;
  backing->may_shrink = true;
  return size_of(file, size);
}

/* What another process has made is looked at before it is believed. */
static int
examine(struct sa_backing *backing, uint64_t *size, unsigned flags)
{
  struct stat status;
  int         access = fcntl(object_of(backing), F_GETFL) & O_ACCMODE;
  int         seals = fcntl(object_of(backing), F_GET_SEALS);
  if (fstat(object_of(backing), &status) != 0)
    return errno;
  if (!S_ISREG(status.st_mode) || status.st_size <= 0 || access == O_WRONLY)
    return EINVAL;
  if (access == O_RDONLY && !(flags & SA_SECTION_READ_ONLY))
    return EACCES;
  *size = (uint64_t)status.st_size;
  backing->may_shrink = seals < 0 || !(seals & F_SEAL_SHRINK);
  if ((size_t)status.st_blksize == sa_os_large_page() && seals >= 0)
    backing->page = sa_os_large_page();
  return 0;
}

int
sa_backing_adopt(struct sa_backing *backing, intptr_t descriptor, uint64_t *size, unsigned flags)
{
  int own = fcntl((int)descriptor, F_DUPFD_CLOEXEC, 0);
  if (own < 0)
    return errno == EBADF ? EINVAL : errno;
  backing->object = own;
  int failed = examine(backing, size, flags);
  if (failed)
    close(own);
  return failed;
}

void
sa_backing_close(struct sa_backing *backing)
{
  if (backing->file[0])
    sa_name_leave(backing->file, object_of(backing));
  else
    close(object_of(backing));
}

int
sa_backing_check(const struct sa_backing *backing, uint64_t end)
{
  uint64_t size;
  if (!backing->may_shrink)
    return 0;
  int failed = size_of(object_of(backing), &size);
  if (!failed && size < end)
    failed = ENODATA;
  return failed;
}

/* --- views ------------------------------------------------------------------------------------ */

static int
map(const struct sa_backing *backing, void *at, uint64_t offset, size_t length, unsigned access,
    int how, void **view)
{
  int protection = access & (SA_VIEW_WRITE | SA_VIEW_COPY) ? PROT_READ | PROT_WRITE : PROT_READ;
  how |= access & SA_VIEW_COPY ? MAP_PRIVATE : MAP_SHARED;
  *view = mmap(at, length, protection, how, object_of(backing), (off_t)offset);
  if (*view == MAP_FAILED)
    return errno == EEXIST ? EADDRINUSE : errno;
  if (backing->prefers_large)
    sa_os_prefer_large(*view, length);
  return 0;
}

/* mmap rounds a length up to the page that the file is in, but munmap wants it in whole large pages. */
int
sa_backing_unmap(const struct sa_backing *backing, void *view, size_t length)
{
  size_t pages = (length + backing->page - 1) / backing->page;
  return munmap(view, pages * backing->page) == 0 ? 0 : errno;
}

int
sa_backing_map(const struct sa_backing *backing, void *at, uint64_t offset, size_t length,
               unsigned access, void **view)
{
  int failed = map(backing, at, offset, length, access, at ? MAP_FIXED_NOREPLACE : 0, view);
  if (failed || !at || *view == at)
    return failed;
  /* a system that does not know the flag takes the place for a hint */
  sa_backing_unmap(backing, *view, length);
  return EADDRINUSE;
}

int
sa_backing_map_units(const struct sa_backing *backing, size_t length, void **view)
{
  size_t alignment = backing->page > SA_SOURCE_UNIT ? backing->page : SA_SOURCE_UNIT;
  void  *place = sa_os_reserve(length, alignment);
  if (!place)
    return errno;
  int failed = map(backing, place, 0, length, SA_VIEW_WRITE, MAP_FIXED, view);
  if (failed)
    sa_os_release(place, length);
  return failed;
}

void
sa_backing_make_private(const struct sa_backing *backing, void *view, size_t length)
{
  void *same;
  map(backing, view, 0, length, SA_VIEW_COPY, MAP_FIXED, &same);
}

int
sa_backing_flush(const struct sa_backing *backing, void *at, size_t length, bool durable)
{
  (void)backing;
  /* what is written to a shared mapping is in the file for all who read it, but not on the disk */
  int cancel = sa_os_forbid_cancel();
  int failed = !durable || msync(at, length, MS_SYNC) == 0 ? 0 : errno;
  sa_os_allow_cancel(cancel);
  return failed;
}

int
sa_backing_hint(void *at, size_t length, unsigned hint, bool is_copy)
{
  int advice = MADV_WILLNEED;
  if (hint == SA_VIEW_LET_GO)
    advice =
      is_copy ? MADV_COLD : MADV_DONTNEED; /* which would take what was written from a copy */
  return madvise(at, length, advice) == 0 || errno == EINVAL ? 0 : errno;
}

int
sa_backing_resident(void *at, size_t length, size_t *resident)
{
  enum { STEP = 1024 };
  unsigned char pages[STEP];
  size_t        page = sa_os_page();
  *resident = 0;
  for (size_t done = 0; done < length; done += STEP * page) {
    size_t part = length - done < STEP * page ? length - done : STEP * page;
    if (mincore((char *)at + done, part, pages) != 0)
      return errno;
    for (size_t i = 0; i < (part + page - 1) / page; i++)
      *resident += pages[i] & 1 ? page : 0;
  }
  return 0;
}

/* --- claims ----------------------------------------------------------------------------------- */

/* The bytes that stand for units. */
static struct flock
range(short type, size_t first, size_t units)
{
  return (struct flock){.l_type = type,
                        .l_whence = SEEK_SET,
                        .l_start = SA_CLAIMS + (off_t)first,
                        .l_len = (off_t)units};
}

int
sa_backing_open_claims(struct sa_backing *backing, size_t units)
{
  (void)units;
  backing->claims = sa_descriptor_reopen(object_of(backing));
  return backing->claims < 0 ? errno : 0;
}

void
sa_backing_close_claims(struct sa_backing *backing, size_t units)
{
  (void)units;
  if (backing->claims >= 0)
    close((int)backing->claims);
  backing->claims = -1;
}

bool
sa_backing_claim(struct sa_backing *backing, size_t first, size_t units)
{
  struct flock lock = range(F_WRLCK, first, units);
  return fcntl((int)backing->claims, F_OFD_SETLK, &lock) == 0;
}

void
sa_backing_disclaim(struct sa_backing *backing, size_t first, size_t units)
{
  struct flock lock = range(F_UNLCK, first, units);
  fcntl((int)backing->claims, F_OFD_SETLK, &lock);
}

size_t
sa_backing_behind(const struct sa_backing *backing, size_t first, size_t units)
{
  struct flock lock = range(F_WRLCK, first, units);
  if (fcntl((int)backing->claims, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
    return first + 1;
  if (lock.l_len == 0) /* up to the end */
    return SIZE_MAX / 2;
  size_t end = (size_t)(lock.l_start - SA_CLAIMS + lock.l_len);
  return end > first ? end : first + 1;
}
