/* A block is freed again after somebody else has got it, who then frees it, too.
 *
 * default:  found free of %p: this block is free already
 * hardened: found free of %p: .*free already.*
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(200));
  free(block);
  char *others = malloc(200);
  free(block);
  free(others);
  return MISSED;
}
