/* One byte behind a block of a scope is written; then the scope is destroyed.
 *
 * default:  may miss
 * hardened: found sa_scope_destroy of %p: it was written to past its end: 24 bytes \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 24));
  change(block + 24);
  sa_scope_destroy(scope);
  return MISSED;
}
