/* An address in the guard behind a slab is resized, where another block would start if it were longer.
 *
 * default:  may miss
 * hardened: found realloc of %p: no block starts there: in places of 112 bytes
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  enum { UNIT = 65536, GUARD = 4096, PLACE = 112 };
  char *block = malloc(100);
  char *unit = (char *)((uintptr_t)block & -(uintptr_t)UNIT);
  return realloc(with(unit + ((UNIT - GUARD) / PLACE + 1) * PLACE), 1000) ? MISSED : HARMLESS;
}
