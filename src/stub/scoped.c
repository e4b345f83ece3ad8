/* Scoped interfaces, as far as the runtimes do not differ. */
#include "stub/scoped.h"

#include <string.h>

bool
sa_scoped_set(struct sa_scoped *scoped, sa_if_handle original, unsigned count,
              const sa_scope_options *options)
{
  if (options)
    scoped->options = *options;
  const char *name = scoped->options.name ? scoped->options.name : "call";
  memcpy(scoped->name, name, strnlen(name, sizeof scoped->name - 1));
  scoped->options.name = scoped->name;
  scoped->options.flags |= SA_SCOPE_UNWIND; /* for a thread that ends in the middle of a call */
  scoped->operations = sa_operations_add(original, scoped->name, count);
  return scoped->operations;
}

void
sa_scoped_call_begins(struct sa_scoped_call *call, const struct sa_scoped *scoped,
                      unsigned operation)
{
  sa_call_begins(&call->account, scoped->operations, operation);
  call->scope = sa_scope_create(&scoped->options);
  if (call->scope)
    (void)sa_scope_enter(call->scope); /* needs no memory on the thread that created it */
}

void
sa_scoped_call_ends(const struct sa_scoped_call *call, bool fault)
{
  sa_call_ends(&call->account, call->scope, fault);
  if (!call->scope)
    return;
  if (sa_scope_current() == call->scope) /* else destroy finds out how it was left */
    sa_scope_leave(call->scope);
  sa_scope_destroy(call->scope);
}
