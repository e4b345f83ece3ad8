/* What was in a large block is read after it was freed and somebody else has asked for as much.
 *
 * default:  may miss
 * hardened: fault
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(1 << 20));
  free(block);
  char *other = malloc(1 << 20);
  memset(other, 's', 1 << 20);
  return memchr(block, 's', 1 << 20) ? MISSED : HARMLESS;
}
