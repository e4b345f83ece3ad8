/* A thread leaves a scope that another one has entered.
 *
 * default:  found sa_scope_leave of %p: this thread is not inside it \(scope 'call'\)
 * hardened: found sa_scope_leave of %p: this thread is not inside it \(scope 'call'\)
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stuballoc.h>

static void *
leave(void *scope)
{
  sa_scope_leave(scope);
  return NULL;
}

int
main(void)
{
  sa_scope *scope = with(sa_scope_create(&(sa_scope_options){.name = "call"}));
  sa_scope_enter(scope);
  in_thread(leave, scope);
  return MISSED;
}
