/* Two threads free the same block, one after the other.
 *
 * default:  found free of %p: this block is free already
 * hardened: found free of %p: this block is free already: in places of 208 bytes, allocated by thread 1, freed by thread 2
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

static void *
free_it(void *block)
{
  free(malloc(1)); /* as a thread that has allocated before */
  free(block);
  return NULL;
}

int
main(void)
{
  char *block = with(malloc(200));
  in_thread(free_it, block);
  in_thread(free_it, block);
  go_on(200);
  return MISSED;
}
