/* How much the engine has given out, for tests in which nothing must be left. */
#ifndef UNITS_IN_USE_H
#define UNITS_IN_USE_H

#include "engine/engine.h"

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
