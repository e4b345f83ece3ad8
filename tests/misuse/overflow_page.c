/* A large block is overrun into the page behind it.
 *
 * default:  may miss
 * hardened: fault
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(1 << 20));
  memset(block, 'x', (1 << 20) + 4096);
  return MISSED;
}
