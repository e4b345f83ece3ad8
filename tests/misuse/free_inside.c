/* A pointer inside a block is freed.
 *
 * default:  may miss
 * hardened: found free of %p: .*inside.*
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
