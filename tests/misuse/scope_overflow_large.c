/* One byte behind a large block of a scope is written; then the scope is destroyed.
 *
 * default:  may miss
 * hardened: found sa_scope_destroy of %p: it was written to past its end: 1000000 bytes, allocated by thread 1 \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 1000000));
  change(block + 1000000);
  sa_scope_destroy(scope);
  return MISSED;
}
