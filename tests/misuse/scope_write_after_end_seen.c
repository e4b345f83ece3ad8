/* A block is written to after its scope was destroyed; more scopes come and go.
 *
 * default:  may miss
 * hardened: found sa_scope_create of %p: it was written to after its scope was destroyed \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 200));
  sa_scope_destroy(scope);
  memset(block, 'x', 8);
  for (int i = 0; i < 100; i++)
    sa_scope_destroy(sa_scope_create(NULL));
  return MISSED;
}
