/* What another runtime's midl_user_allocate took from malloc is given to midl_user_free here.
 *
 * default:  found free of %p: stuballoc did not give it out
 * hardened: found free of %p: stuballoc did not give it out
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc/midl.h>

static void *
allocate_elsewhere(size_t size)
{
  return malloc(size);
}

int
main(void)
{
  midl_user_free(with(allocate_elsewhere(100)));
  return MISSED;
}
