/* A pointer inside a block is freed.
 *
 * default:  may miss
 * hardened: found free of %p: it points inside a block: 200 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = malloc(200);
  free(with(block + 16));
  go_on(200);
  return MISSED;
}
