/* The link in a freed block of a scope is overwritten, with which the scope is to give out other memory.
 *
 * default:  may miss
 * hardened: found sa_scope_alloc of %p: it was written to after it was freed, and its link is gone: in a place of 208 bytes \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

static _Alignas(16) char target[200];

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *other = sa_scope_alloc(scope, 200);
  char     *block = with(sa_scope_alloc(scope, 200));
  sa_free(other);
  sa_free(block);
  memcpy(block, &(char *){target}, sizeof(char *));
  for (int i = 0; i < 3; i++)
    if (sa_scope_alloc(scope, 200) == target)
      return MISSED;
  return HARMLESS;
}
