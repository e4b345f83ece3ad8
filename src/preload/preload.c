/*
 * The malloc family, for a program that knows nothing of stuballoc. The names that mean the same
 * as the engine's own functions (malloc, calloc, free, aligned_alloc, malloc_usable_size, cfree)
 * are given to those by the linker, so that a call costs nothing more; the rest is here.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/os.h"
#include "stuballoc.h"

/* glibc's malloc.h has no word for it */
#define EXPORT SA_ATTRIBUTE(visibility("default"))

static int
is_power_of_two(size_t number)
{
  return number != 0 && (number & (number - 1)) == 0;
}

/* Unlike sa_realloc, glibc's frees at size 0, and programs rely on it. */
EXPORT void *
realloc(void *block, size_t size)
{
  if (block && size == 0) {
    sa_free(block);
    return NULL;
  }
  return sa_realloc(block, size);
}

EXPORT void *
reallocarray(void *block, size_t count, size_t size)
{
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(block, bytes);
}

EXPORT int
posix_memalign(void **to, size_t alignment, size_t size)
{
  if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
    return EINVAL;
  int   saved = errno;
  void *block = sa_aligned_alloc(alignment, size);
  errno = saved;
  if (!block)
    return ENOMEM;
  *to = block;
  return 0;
}

/* glibc takes any alignment up to the next power of two. */
EXPORT void *
memalign(size_t alignment, size_t size)
{
  size_t power = 1;
  while (power < alignment && power <= SIZE_MAX / 2)
    power *= 2;
  return sa_aligned_alloc(power, size);
}

EXPORT void *
valloc(size_t size)
{
  return sa_aligned_alloc(sa_os_page(), size);
}

EXPORT void *
pvalloc(size_t size)
{
  size_t page = sa_os_page();
  if (size > SIZE_MAX - page) {
    errno = ENOMEM;
    return NULL;
  }
  return sa_aligned_alloc(page, size == 0 ? page : (size + page - 1) & ~(page - 1));
}

/*
 * What is not allocation but reaches for glibc's own heap, which is idle here. It would be set up at
 * that moment, and glibc does not expect two threads to do that at once: they crash.
 */
EXPORT int
malloc_trim(size_t pad)
{
  (void)pad;
  return sa_trim() > 0;
}

EXPORT int
mallopt(int parameter, int value)
{
  (void)parameter;
  (void)value;
  return 1; /* hints all of them, and gladly taken */
}

EXPORT struct mallinfo
mallinfo(void)
{
  return (struct mallinfo){0};
}

EXPORT struct mallinfo2
mallinfo2(void)
{
  return (struct mallinfo2){0};
}

EXPORT void
malloc_stats(void)
{
}

EXPORT int
malloc_info(int options, FILE *stream)
{
  if (options != 0)
    return EINVAL;
  return fputs("<malloc version=\"1\"></malloc>\n", stream) < 0 ? errno : 0;
}
