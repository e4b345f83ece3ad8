/* A block was kept beyond its scope, and is read at its old address.
 *
 * default:  may miss
 * hardened: harmless
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "call"});
  char     *block = with(sa_scope_alloc(scope, 200));
  memset(block, 's', 200);
  char *kept = sa_scope_keep(block);
  /* the link at its start is of any bytes */
  return kept == block || memchr(block + 8, 's', 192) ? MISSED : HARMLESS;
}
