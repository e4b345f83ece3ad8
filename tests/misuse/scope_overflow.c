/* One byte behind a block of a scope is written; then the block is freed.
 *
 * default:  may miss
 * hardened: found free of %p: it was written to past its end: 24 bytes, freed by thread 1 \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 24));
  change(block + 24);
  sa_free(block);
  sa_scope_destroy(scope);
  return MISSED;
}
