/* Memory is asked for from a scope that was destroyed.
 *
 * default:  found sa_scope_alloc of %p: this is no scope, or it was destroyed \(scope 'call'\)
 * hardened: found sa_scope_alloc of %p: this is no scope, or it was destroyed \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

int
main(void)
{
  sa_scope *scope = with(sa_scope_create(&(sa_scope_options){.name = "call"}));
  sa_scope_destroy(scope);
  return sa_scope_alloc(scope, 100) ? MISSED : REFUSED;
}
