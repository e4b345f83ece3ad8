/* Allocate, touch and free one block: the shortest way through an allocator. */
#include <stdlib.h>

#include "measure.h"
#include "work.h"

/* The instructions of an allocator are counted in this loop: keep it this lean. */
static void
pairs(void *size, size_t count)
{
  size_t bytes = *(size_t *)size;
  for (size_t i = 0; i < count; i++) {
    char *block = malloc(bytes);
    *block = 1;
    free(block);
  }
}

void
pair(const struct work *work)
{
  size_t size = work->sizes.most;
  report(work->name, "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, pairs, &size));
}
