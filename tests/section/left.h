/*
 * What a group of tests of sections must not leave behind.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef LEFT_H
#define LEFT_H

#include "section_test.h"

#ifndef _WIN32
#include <dirent.h>

/* How many names of this process's tests there are. */
static inline unsigned
names_left(void)
{
  char     part[64];
  unsigned names = 0;
  snprintf(part, sizeof part, ".test-%d-", (int)getpid());
  DIR                 *place = opendir("/dev/shm");
  const struct dirent *entry;
  while ((entry = readdir(place)))
    names += strstr(entry->d_name, part) != NULL;
  closedir(place);
  return names;
}

/* Whether so many are left, also when another test's process is just removing one. */
static inline bool
names_become(unsigned names)
{
  enum { PATIENCE = 30000 }; /* looks, a millisecond apart */
  for (int looks = 0; names_left() != names && looks < PATIENCE; looks++)
    usleep(1000);
  return names_left() == names;
}

/* How many descriptors this process has, and mappings of what they are open on. */
static inline unsigned
descriptors_and_mappings(void)
{
  unsigned count = 0;
  char     line[512];
  DIR     *descriptors = opendir("/proc/self/fd");
  while (readdir(descriptors))
    count++;
  closedir(descriptors);
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    count += strstr(line, "/memfd:stuballoc") || strstr(line, "/dev/shm/") || strstr(line, "test-");
  fclose(maps);
  return count;
}

#else
/* Wine opens and maps what it likes. */
static inline unsigned
descriptors_and_mappings(void)
{
  skip();
}

static inline bool
names_become(unsigned names)
{
  return names == 0;
}
#endif

static unsigned left_before;

/* The setup of a group whose last test is the one below. */
static inline int
count_before(void **state)
{
  (void)state;
  left_before = descriptors_and_mappings();
  return 0;
}

static inline void
nothing_is_left_open_or_mapped(void **state)
{
  (void)state;
  assert_int_equal(descriptors_and_mappings(), left_before);
  assert_true(names_become(0));
}

#endif
