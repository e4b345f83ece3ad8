/* A large block is freed again after somebody else has asked for as much, who then frees theirs, too.
 *
 * default:  found free of %p: stuballoc did not give it out, or it was freed before
 * hardened: found free of %p: this block is free already: 1048576 bytes, allocated by thread 1, freed by thread 1
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(1 << 20));
  free(block);
  char *other = malloc(1 << 20);
  free(block);
  free(other);
  return MISSED;
}
