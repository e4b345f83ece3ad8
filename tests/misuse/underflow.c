/* Eight bytes before a block are written; then it is freed, and the one before it.
 *
 * default:  may miss
 * hardened: found free of 0x[0-9a-f]+: the end of its place was written to: 48 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

enum { BLOCKS = 64 };

/* The block that another one lies closest before: the order of addresses may be one of chance. */
static char *
one_after_another(char **blocks)
{
  char  *found = NULL;
  size_t least = SIZE_MAX;
  for (int i = 0; i < BLOCKS; i++)
    for (int before = 0; before < BLOCKS; before++)
      if (blocks[before] < blocks[i] && (size_t)(blocks[i] - blocks[before]) < least) {
        least = (size_t)(blocks[i] - blocks[before]);
        found = blocks[i];
      }
  return found;
}

int
main(void)
{
  char *blocks[BLOCKS];
  for (int i = 0; i < BLOCKS; i++)
    blocks[i] = malloc(48);
  char *block = with(one_after_another(blocks));
  memset(block - 8, 'x', 8);
  for (int i = 0; i < BLOCKS; i++)
    free(blocks[i]);
  return MISSED;
}
