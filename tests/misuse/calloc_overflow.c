/* calloc is asked for more than a number can say.
 *
 * default:  refused
 * hardened: refused
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(calloc(SIZE_MAX / 16 + 2, 16));
  return block ? MISSED : REFUSED;
}
