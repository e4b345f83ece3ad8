/* Names of sections on POSIX: files whose life is that of the locks on them; section.h has the
 * protocol. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "section/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Memory, and the system's: others can neither remove what is ours there nor replace it. */
static const char place[] = "/dev/shm";

/* --- what names are to the system ------------------------------------------------------------- */

static bool
is_for_others(unsigned flags)
{
  return flags & (SA_SECTION_GROUP | SA_SECTION_ALL);
}

void
sa_name_file(char *file, const char *name, unsigned flags)
{
  if (is_for_others(flags))
    snprintf(file, SA_FILE_NAME, "stuballoc.%s", name);
  else
    snprintf(file, SA_FILE_NAME, "stuballoc-%u.%s", (unsigned)geteuid(), name);
}

static bool
may_be_swept(const char *file)
{
  char mine[SA_FILE_NAME], everyones[SA_FILE_NAME];
  sa_name_file(mine, "", 0);
  sa_name_file(everyones, "", SA_SECTION_ALL);
  return strncmp(file, mine, strlen(mine)) == 0 || strncmp(file, everyones, strlen(everyones)) == 0;
}

mode_t
sa_section_mode(unsigned flags)
{
  mode_t others = flags & SA_SECTION_OTHERS_READ ? 4 : 6;
  if (flags & SA_SECTION_ALL)
    return 0600 | others << 3 | others;
  return flags & SA_SECTION_GROUP ? 0600 | others << 3 : 0600;
}

/* --- locks ------------------------------------------------------------------------------------ */

/* The byte that who uses a section has locked, before those that stand for units. */
static struct flock
use(short type)
{
  return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = SA_CLAIMS - 1, .l_len = 1};
}

/* Of a lock that was not to be had: the system has no more, or somebody means harm. */
static int
lock_failed(void)
{
  return errno == ENOLCK ? ENOMEM : EACCES;
}

/* 0 or an errno value. Cannot fail for another user's sake. */
static int
begin_to_use(int file)
{
  struct flock lock = use(F_RDLCK);
  return fcntl(file, F_OFD_SETLK, &lock) == 0 ? 0 : lock_failed();
}

static void
end_to_use(int file)
{
  struct flock lock = use(F_UNLCK);
  fcntl(file, F_OFD_SETLK, &lock);
}

/* Whether anybody else does. */
static bool
has_users(int file)
{
  struct flock lock = use(F_WRLCK);
  return fcntl(file, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* How many milliseconds are waited for the gate, which others need for a few calls, unless they have
 * been stopped, or mean harm: the process's lock is held all the time. */
enum { AT_ONCE = 0, TO_LEAVE = 100, TO_OPEN = 1000 };

/* The gate: without it, nobody begins to use what has a name, nor takes that away. 0, EBUSY, or another
 * errno value. */
static int
enter_gate(int file, unsigned patience)
{
  while (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return lock_failed();
    if (patience-- == 0)
      return EBUSY;
    poll(NULL, 0, 1);
  }
  return 0;
}

static void
leave_gate(int file)
{
  flock(file, LOCK_UN);
}

/* Removes the name of a file that nobody uses, inside the gate; 0 or an errno value. Another file may be
 * there by now, or somebody outside of the protocol may have put one there. */
static int
remove_name(int directory, const char *name, int file)
{
  struct stat named, ours;
  if (fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0 || fstat(file, &ours) != 0
      || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev)
    return 0;
  return unlinkat(directory, name, 0) == 0 ? 0 : EACCES;
}

static int
open_place(void)
{
  return open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_file(int directory, const char *name, int access)
{
  /* not to wait for what is no file */
  return openat(directory, name, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Somebody else may have put there what he likes, under a name that is not his. */
static bool
is_genuine(int file, unsigned flags)
{
  struct stat status;
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode)
         && (is_for_others(flags) || status.st_uid == geteuid());
}

/* Looks first, so as not to be in the way of those who use it. Stays inside the gate. */
static void
remove_unused(int directory, const char *name, int file, unsigned patience)
{
  if (!has_users(file) && enter_gate(file, patience) == 0 && !has_users(file))
    remove_name(directory, name, file);
}

/* --- sweeping --------------------------------------------------------------------------------- */

static void
sweep_one(int directory, const char *name)
{
  int file = open_file(directory, name, O_RDONLY);
  if (file < 0)
    return;
  if (is_genuine(file, SA_SECTION_ALL))
    remove_unused(directory, name, file, AT_ONCE);
  close(file);
}

/* Removes the names that killed processes left. */
static void
sweep(int directory)
{
  int                  again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR                 *entries = again < 0 ? NULL : fdopendir(again);
  const struct dirent *entry;
  if (!entries) {
    if (again >= 0)
      close(again);
    return;
  }
  while ((entry = readdir(entries)))
    if (may_be_swept(entry->d_name))
      sweep_one(directory, entry->d_name);
  closedir(entries);
}

/* --- opening ---------------------------------------------------------------------------------- */

enum life { ALIVE, DEAD, DYING };

/* Of a file whose gate we are in. */
static enum life
life_inside(int directory, const char *name, int file, int *failed)
{
  struct stat status;
  if (fstat(file, &status) != 0 || status.st_nlink == 0)
    return DYING;
  /* first, so that those who are seen thereafter were there together with us */
  *failed = begin_to_use(file);
  if (*failed || has_users(file))
    return ALIVE;
  *failed = remove_name(directory, name, file);
  return DEAD;
}

/* Of a file that is open: ALIVE, and this process uses it; DEAD, and its name removed, if that is
 * allowed; DYING: it has to be looked for again. */
static enum life
life_of(int directory, const char *name, int file, int *failed)
{
  *failed = enter_gate(file, TO_OPEN);
  if (*failed)
    return ALIVE;
  enum life life = life_inside(directory, name, file, failed);
  leave_gate(file);
  return life;
}

/* What is no file is none of ours. */
static int
refused(int error)
{
  return error == ELOOP || error == EISDIR || error == ENXIO ? EACCES : error;
}

/* The file of a section that is alive, and used by this process. 0, ENOENT, or another errno value. */
static int
open_alive(int directory, const char *name, unsigned flags, int *file)
{
  int       failed = 0;
  enum life life;
  do {
    *file = open_file(directory, name, flags & SA_SECTION_READ_ONLY ? O_RDONLY : O_RDWR);
    if (*file < 0)
      return refused(errno);
    if (!is_genuine(*file, flags)) {
      close(*file);
      return EACCES;
    }
    life = life_of(directory, name, *file, &failed);
    if (life == ALIVE && !failed)
      return 0;
    close(*file);
  } while (life == DYING);
  return failed ? failed : ENOENT;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A file without a name, complete and used. */
static int
make_file(int directory, uint64_t size, unsigned flags, int *file)
{
  *file = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (*file < 0)
    return errno;
  int failed = sa_file_grow(*file, size);
  if (!failed)
    failed = begin_to_use(*file);
  if (!failed && fchmod(*file, sa_section_mode(flags)) != 0)
    failed = errno;
  if (failed)
    close(*file);
  return failed;
}

static int
link_file(int directory, const char *name, int file)
{
  char path[SA_DESCRIPTOR_PATH];
  sa_descriptor_path(path, file);
  return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

static int
make_named(int directory, const char *name, uint64_t size, unsigned flags, int *file)
{
  int failed = make_file(directory, size, flags, file);
  if (failed)
    return failed;
  failed = link_file(directory, name, *file);
  if (failed)
    close(*file);
  return failed;
}

/* The section of a name, made or found. */
static int
make_or_open(int directory, const char *name, uint64_t size, unsigned flags, int *file)
{
  int failed;
  do {
    failed = open_alive(directory, name, flags, file);
    if (!failed)
      return EEXIST;
    if (failed == ENOENT)
      failed = make_named(directory, name, size, flags, file);
  } while (failed == EEXIST); /* it has come in between */
  return failed;
}

/* --- what the header promises ----------------------------------------------------------------- */

int
sa_name_create(const char *name, uint64_t size, unsigned flags, int *file)
{
  int directory = open_place();
  if (directory < 0)
    return errno;
  sweep(directory);
  int failed = make_or_open(directory, name, size, flags, file);
  if (failed == EEXIST && flags & SA_SECTION_EXCLUSIVE)
    sa_name_leave(name, *file);
  close(directory);
  return failed;
}

int
sa_name_open(const char *name, unsigned flags, int *file)
{
  int directory = open_place();
  if (directory < 0)
    return errno;
  sweep(directory);
  int failed = open_alive(directory, name, flags, file);
  close(directory);
  return failed;
}

void
sa_name_leave(const char *name, int file)
{
  int directory = open_place();
  end_to_use(file);
  if (directory >= 0) {
    remove_unused(directory, name, file, TO_LEAVE);
    close(directory);
  }
  close(file);
}

int
sa_name_share(int file)
{
  int own = sa_descriptor_reopen(file);
  if (own >= 0 && begin_to_use(own) != 0) {
    close(own);
    own = -1;
  }
  return own;
}
