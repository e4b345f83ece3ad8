/* The link in a freed block is overwritten, with which the allocator is to give out other memory.
 *
 * default:  may miss
 * hardened: found malloc of %p: it was written to after it was freed: in places of 208 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

static _Alignas(16) char target[200];

int
main(void)
{
  char *other = malloc(200);
  char *block = with(malloc(200));
  free(other);
  free(block);
  memcpy(block, &(char *){target}, sizeof(char *));
  for (int i = 0; i < 4096; i++)
    if (malloc(200) == target)
      return MISSED;
  return HARMLESS;
}
