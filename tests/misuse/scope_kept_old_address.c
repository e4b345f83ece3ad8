/* A block was kept beyond its scope, and is freed at its old address.
 *
 * default:  found free of %p: this block is free already \(scope 'call'\)
 * hardened: found free of %p: this block is free already: in a place of 112 bytes \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 100));
  char     *kept = sa_scope_keep(block);
  sa_free(block);
  return kept ? MISSED : REFUSED;
}
