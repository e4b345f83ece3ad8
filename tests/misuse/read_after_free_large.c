/* What was in a large block is read after it was freed.
 *
 * default:  may miss
 * hardened: fault
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(1 << 20));
  memset(block, 's', 1 << 20);
  free(block);
  return memchr(block, 's', 1 << 20) ? MISSED : HARMLESS;
}
