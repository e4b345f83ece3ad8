/* What was in a scope is read after it was destroyed.
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
  char     *block = with(sa_scope_alloc(scope, 200));
  memset(block, 's', 200);
  sa_scope_destroy(scope);
  return memchr(block, 's', 200) ? MISSED : HARMLESS;
}
