/* One byte behind a block is written; then the block is freed.
 *
 * default:  may miss
 * hardened: found free of %p: .*past its end.*
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(24));
  block[24] = 'x';
  free(block);
  go_on(24);
  return MISSED;
}
