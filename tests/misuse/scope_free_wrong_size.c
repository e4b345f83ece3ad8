/* A block of a scope is freed as one of another size.
 *
 * default:  may miss
 * hardened: found free of %p: it is freed as one of 100 bytes: 200 bytes, freed by thread 1 \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 200));
  sa_free_sized(block, 100);
  return MISSED;
}
