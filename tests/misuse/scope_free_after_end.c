/* A block is freed after its scope was destroyed.
 *
 * default:  found free of %p: its scope was destroyed \(scope 'call'\)
 * hardened: found free of %p: its scope was destroyed \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 100));
  sa_scope_destroy(scope);
  sa_free(block);
  return MISSED;
}
