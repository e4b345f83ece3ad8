/* Eight bytes before a block are written; then it is freed, and the one before it.
 *
 * default:  may miss
 * hardened: found free of (?:%p|0x[0-9a-f]+): .*
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *blocks[16];
  for (int i = 0; i < 16; i++)
    blocks[i] = malloc(48);
  char *block = with(blocks[8]);
  memset(block - 8, 'x', 8);
  for (int i = 0; i < 16; i++)
    free(blocks[i]);
  return MISSED;
}
