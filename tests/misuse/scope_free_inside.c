/* A pointer inside a block of a scope is freed.
 *
 * default:  found free of %p: it points inside a block, or to none \(scope 'call'\)
 * hardened: found free of %p: it points inside a block, or to none: 100 bytes, freed by thread 1 \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = sa_scope_alloc(scope, 100);
  sa_free(with(block + 16));
  return MISSED;
}
