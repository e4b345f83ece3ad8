/* A freed block is written to; the program goes on.
 *
 * default:  may miss
 * hardened: found malloc of %p: it was written to after it was freed: in places of 208 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(200));
  free(block);
  memset(block + 64, 'x', 8);
  go_on(200);
  return MISSED;
}
