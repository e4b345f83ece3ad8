/* Names of sections on POSIX: files whose life is that of the locks on them; section.h has the
 * protocol. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "section/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

/* Succeeds where nobody uses the section, and nobody can begin to. */
static bool
lock_alone(int file)
{
  return flock(file, LOCK_EX | LOCK_NB) == 0;
}

static int
lock_with_others(int file)
{
  while (flock(file, LOCK_SH) != 0)
    if (errno != EINTR)
      return errno;
  return 0;
}

/* Removes the name of a file that we have locked alone; 0 or an errno value. Somebody outside of the
 * protocol may have put another file there. */
static int
remove_name(int directory, const char *name, int file)
{
  struct stat named, locked;
  if (fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0 || fstat(file, &locked) != 0
      || named.st_ino != locked.st_ino || named.st_dev != locked.st_dev)
    return 0;
  return unlinkat(directory, name, 0) == 0 ? 0 : errno;
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

/* --- sweeping --------------------------------------------------------------------------------- */

static void
sweep_one(int directory, const char *name)
{
  int file = open_file(directory, name, O_RDONLY);
  if (file < 0)
    return;
  if (is_genuine(file, SA_SECTION_ALL) && lock_alone(file))
    remove_name(directory, name, file);
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

/* Of a file that is open: ALIVE, and locked; DEAD, and its name removed, if that is allowed; DYING: it
 * has to be looked for again. */
static enum life
life_of(int directory, const char *name, int file, int *failed)
{
  struct stat status;
  if (lock_alone(file)) {
    *failed = remove_name(directory, name, file);
    return DEAD;
  }
  *failed = lock_with_others(file);
  return *failed || (fstat(file, &status) == 0 && status.st_nlink > 0) ? ALIVE : DYING;
}

/* What is no file is none of ours. */
static int
refused(int error)
{
  return error == ELOOP || error == EISDIR || error == ENXIO ? EACCES : error;
}

/* The file of a section that is alive, locked. 0, ENOENT, or another errno value. */
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
  return failed ? EACCES : ENOENT;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A file without a name, complete and locked. */
static int
make_file(int directory, uint64_t size, unsigned flags, int *file)
{
  *file = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (*file < 0)
    return errno;
  int failed = sa_file_grow(*file, size);
  if (!failed)
    failed = lock_with_others(*file);
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
  if (directory >= 0 && lock_alone(file))
    remove_name(directory, name, file);
  close(file);
  if (directory >= 0)
    close(directory);
}

int
sa_name_share(int file)
{
  int own = sa_descriptor_reopen(file);
  if (own >= 0 && lock_with_others(own) != 0) {
    close(own);
    own = -1;
  }
  return own;
}
