/* A block is freed twice, another one in between.
 *
 * default:  may miss
 * hardened: found free of %p: this block is free already: in places of 208 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(200));
  char *other = malloc(200);
  free(block);
  free(other);
  free(block);
  return MISSED;
}
