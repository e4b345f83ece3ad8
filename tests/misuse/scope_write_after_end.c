/* A block is written to after its scope was destroyed, when the next scope is there.
 *
 * default:  may miss
 * hardened: harmless
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  char     *old = with(sa_scope_alloc(scope, 200));
  sa_scope_destroy(scope);
  sa_scope *next = sa_scope_create(NULL);
  char     *block = sa_scope_alloc(next, 200);
  memset(block, 'n', 200);
  memset(old, 'x', 200);
  return memchr(block, 'x', 200) ? MISSED : HARMLESS;
}
