/* A global variable is freed.
 *
 * default:  found free of %p: stuballoc did not give it out
 * hardened: found free of %p: stuballoc did not give it out
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

static _Alignas(16) char global[64];

int
main(void)
{
  free(with(global));
  go_on(48);
  return MISSED;
}
