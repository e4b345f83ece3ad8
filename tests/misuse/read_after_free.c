/* What was in a block is read after it was freed.
 *
 * default:  may miss
 * hardened: harmless
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(200));
  memset(block, 's', 200);
  free(block);
  return memchr(block, 's', 200) ? MISSED : HARMLESS;
}
