/* A block is freed again after somebody else has got it, who then frees it, too.
 *
 * default:  found free of %p: this block is free already
 * hardened: found free of %p: this block is free already: in places of 208 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  enum { TRIES = 100000 };
  char *block = with(malloc(200));
  free(block);
  char *others = NULL;
  for (int i = 0; i < TRIES && others != block; i++)
    others = malloc(200);
  free(block);
  free(others);
  return MISSED;
}
