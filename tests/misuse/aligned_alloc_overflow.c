/* aligned_alloc is asked for so much that rounding it up begins anew at 0.
 *
 * default:  refused
 * hardened: refused
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  char *block = with(aligned_alloc(4096, SIZE_MAX - 100));
  return block ? MISSED : REFUSED;
}
