/* A block is freed as one of another size.
 *
 * default:  may miss
 * hardened: found free of %p: it is freed as one of 100 bytes: 200 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  char *block = with(sa_malloc(200));
  sa_free_sized(block, 100);
  return MISSED;
}
