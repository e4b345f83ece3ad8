/* Scoped interfaces, as far as the runtimes do not differ. */
#include "stub/scoped.h"

#include <stdatomic.h>
#include <string.h>

/* Set by any thread and read by any, with release and acquire: what the setter prepared for the
 * observer happens before the observer runs. */
static _Atomic(sa_call_observer *) observer;

void
sa_scoped_set(struct sa_scoped *scoped, sa_if_handle original, const sa_scope_options *options)
{
  scoped->original = original;
  if (options)
    scoped->options = *options;
  const char *name = scoped->options.name ? scoped->options.name : "call";
  memcpy(scoped->name, name, strnlen(name, SA_SCOPED_NAME - 1));
  scoped->options.name = scoped->name;
  scoped->options.flags |= SA_SCOPE_UNWIND; /* for a thread that ends in the middle of a call */
}

sa_scope *
sa_scoped_enter(const struct sa_scoped *scoped)
{
  sa_scope *scope = sa_scope_create(&scoped->options);
  if (scope)
    (void)sa_scope_enter(scope); /* needs no memory on the thread that created it */
  return scope;
}

void
sa_scoped_observe(const struct sa_scoped *scoped, unsigned operation, sa_scope *scope)
{
  sa_call_observer *tell = atomic_load_explicit(&observer, memory_order_acquire);
  if (!tell)
    return;
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
  tell(scoped->original, operation, &stats);
}

void
sa_observe_calls(sa_call_observer *to)
{
  atomic_store_explicit(&observer, to, memory_order_release);
}
