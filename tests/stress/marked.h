/* Blocks filled with what only they may hold, for the stress tests. */
#ifndef MARKED_H
#define MARKED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stuballoc.h"

/* What a block starts with; the rest of it repeats the low byte of `mark`. */
struct head {
  size_t   size;
  uint64_t mark;
};

static inline void
fail(const char *what)
{
  fprintf(stderr, "stress: %s\n", what);
  abort();
}

static inline void
fill(struct head *block, size_t size, uint64_t mark)
{
  block->size = size;
  block->mark = mark;
  memset(block + 1, (int)(mark & 0xff), size - sizeof *block);
}

/* Checks the first `size` bytes. */
static inline void
check(const struct head *block, size_t size)
{
  const unsigned char *body = (const unsigned char *)(block + 1);
  for (size_t i = 0; i < size - sizeof *block; i += 1 + i / 8)
    if (body[i] != (unsigned char)block->mark)
      fail("a block was overwritten");
  if (sa_usable_size(block) < size)
    fail("a block is smaller than it should be");
}

#endif
