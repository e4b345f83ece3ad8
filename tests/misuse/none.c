/* Nothing is wrong here, and nothing may be found.
 *
 * default:  silent
 * hardened: silent
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(malloc(24));
  memset(block, 1, 24);
  block = realloc(block, 2000);
  go_on(24);
  free(block);
  return MISSED;
}
