/* A freed block of a scope is resized.
 *
 * default:  found usable_size of %p: this block is free already \(scope 'call'\)
 * hardened: found usable_size of %p: this block is free already: in a place of 112 bytes \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 100));
  sa_free(block);
  return sa_realloc(block, 2000) ? MISSED : REFUSED;
}
