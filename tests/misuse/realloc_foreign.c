/* A variable on the stack is resized.
 *
 * default:  found realloc of %p: stuballoc did not give it out, or it was freed before
 * hardened: found realloc of %p: stuballoc did not give it out, or it was freed before
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  _Alignas(16) char local[64] = "";
  char             *block = realloc(with(local), 2000);
  return block ? MISSED : REFUSED;
}
