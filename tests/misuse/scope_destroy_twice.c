/* A scope is destroyed twice.
 *
 * default:  found sa_scope_destroy of %p: this is no scope, or it was destroyed \(scope 'call'\)
 * hardened: found sa_scope_destroy of %p: this is no scope, or it was destroyed \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = with(sa_scope_create(&(sa_scope_options){.name = "call"}));
  sa_scope_destroy(scope);
  sa_scope_destroy(scope);
  return MISSED;
}
