/* A pointer inside a large block is freed.
 *
 * default:  found free of %p: it points inside a block
 * hardened: found free of %p: it points inside a block: 1048576 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = malloc(1 << 20);
  free(with(block + 4096));
  return MISSED;
}
