/* A block is freed twice, another one in between.
 *
 * default:  may miss
 * hardened: found free of %p: .*free already.*
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
