/*
 * What the rest of the replay has of the system: its last words, pages, and how much memory there is.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

void
die(const char *format, ...)
{
  char    line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  dprintf(STDERR_FILENO, "stuballoc-replay: %s\n", line);
  _exit(EXIT_FAILURE);
}

/* --- pages ------------------------------------------------------------------------------------ */

void *
pages(size_t length)
{
  void *at =
    mmap(NULL, length > 0 ? length : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    die("no memory for what is to be known of the trace");
  return at;
}

void
pages_free(void *at, size_t length)
{
  munmap(at, length > 0 ? length : 1);
}

void
grow(void **array, size_t *room, size_t count, size_t size)
{
  if (count <= *room)
    return;
  size_t old = *room * size;
  *room = *room ? *room * 2 : (4096 + size - 1) / size;
  if (!*array) {
    *array = pages(*room * size);
    return;
  }
  *array = mremap(*array, old, *room * size, MREMAP_MAYMOVE);
  if (*array == MAP_FAILED)
    die("no memory for what is to be known of the trace");
}

/* --- how much there is -------------------------------------------------------------------------- */

size_t
number_in(const char *path, const char *word)
{
  char text[4096] = "";
  int  file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    die("%s: %s", path, strerror(errno));
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  const char *at = length > 0 ? strstr(text, word) : NULL;
  return at ? strtoul(at + strlen(word), NULL, 10) : 0;
}

uint64_t
memory_there(void)
{
  struct rlimit  limit;
  const uint64_t there = (uint64_t)number_in("/proc/meminfo", "MemAvailable:") * 1024;
  return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < there ? limit.rlim_cur : there;
}
