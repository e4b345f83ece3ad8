/* A freed block is resized.
 *
 * default:  found (?:free|realloc) of %p: this block is free already
 * hardened: found realloc of %p: this block is free already: in places of 208 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(200));
  free(block);
  block = realloc(block, 2000);
  go_on(200);
  return MISSED;
}
