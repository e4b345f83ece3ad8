/* A variable on the stack is freed.
 *
 * default:  found free of %p: stuballoc did not give it out
 * hardened: found free of %p: stuballoc did not give it out
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

int
main(void)
{
  _Alignas(16) char local[64] = "";
  free(with(local));
  go_on(48);
  return MISSED;
}
