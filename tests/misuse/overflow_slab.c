/* A small block is overrun, until a page that holds no block.
 *
 * default:  may miss
 * hardened: fault
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(200));
  memset(block, 'x', 200000);
  return MISSED;
}
