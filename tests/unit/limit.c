/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t
data_size(void)
{
  unsigned long pages = 0;
  FILE         *statm = fopen("/proc/self/statm", "r");
  if (!statm || fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
    _exit(1);
  fclose(statm);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void
limit_memory(size_t bytes)
{
  size_t most = data_size() + bytes;
  if (setrlimit(RLIMIT_DATA, &(struct rlimit){most, most}) != 0)
    _exit(1);
}

void
exhaust_memory(void)
{
  sa_trim();
  limit_memory(0);
  for (size_t size = 64 * KIB; size >= 16; size /= 2)
    while (sa_malloc(size))
      ;
}
