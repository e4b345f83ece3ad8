/* What the memory tests share. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

/* What the process holds in memory, in bytes. */
static inline size_t
resident(void)
{
  size_t pages = 0;
  FILE  *file = fopen("/proc/self/statm", "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%*s %zu", &pages), 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Zeroed memory for a test's own notes, which is not to be measured: so it is all there at once. */
static inline void *
notes(size_t size)
{
  void *at =
    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  assert_true(at != MAP_FAILED);
  return at;
}

static inline uint32_t
next_random(uint32_t *state)
{
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

#endif
