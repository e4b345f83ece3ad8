/* What the targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
must(bool holds, const char *what)
{
  if (holds)
    return;
  fprintf(stderr, "fuzz: not so: %s\n", what);
  abort();
}

static inline size_t
units_in_use(void)
{
  size_t                  units = 0;
  const struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++)
    for (size_t chunk = 0; chunk < region->chunks_seen; chunk++)
      units += (size_t)__builtin_popcountll(region->used[chunk]);
  return units;
}

#endif
