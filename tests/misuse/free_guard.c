/* An address in the guard behind a slab is freed.
 *
 * default:  may miss
 * hardened: found free of %p: no block starts there: in places of 32 bytes
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  enum { UNIT = 65536, GUARD = 4096 };
  char *block = malloc(24);
  char *unit = (char *)((uintptr_t)block & -(uintptr_t)UNIT);
  free(with(unit + UNIT - GUARD));
  return MISSED;
}
