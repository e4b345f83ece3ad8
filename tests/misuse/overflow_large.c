/* One byte behind a large block is written; then the block is freed.
 *
 * default:  may miss
 * hardened: found free of %p: it was written to past its end: 1000000 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(1000000));
  change(block + 1000000);
  free(block);
  return MISSED;
}
