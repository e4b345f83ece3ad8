/* The size of a block is asked for with a pointer to none.
 *
 * default:  found usable_size of %p: stuballoc did not give it out, or it was freed before
 * hardened: found usable_size of %p: stuballoc did not give it out, or it was freed before
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <malloc.h>

int
main(void)
{
  _Alignas(16) char local[64] = "";
  return malloc_usable_size(with(local)) > 0 ? MISSED : HARMLESS;
}
