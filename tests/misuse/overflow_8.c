/* Eight bytes behind a block are written; then the block is freed.
 *
 * default:  may miss
 * hardened: found free of %p: it was written to past its end: 24 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(24));
  memset(block + 24, 'x', 8);
  free(block);
  go_on(24);
  return MISSED;
}
