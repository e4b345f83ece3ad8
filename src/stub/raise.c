/* How a failure becomes an exception. */
#include <stdlib.h>

#include "stub/stub.h"

typedef void raise_handler(RPC_STATUS status);

/* Set by any thread and read by any, with release and acquire: what the setter prepared for the
 * handler happens before the handler runs. */
static _Atomic(raise_handler *)           handler;
static _Atomic(const struct sa_runtime *) runtime;

void
sa_set_raise_handler(void (*to)(RPC_STATUS status))
{
  atomic_store_explicit(&handler, to, memory_order_release);
}

void
sa_runtime_attach(const struct sa_runtime *to)
{
  atomic_store_explicit(&runtime, to, memory_order_release);
}

const struct sa_runtime *
sa_runtime_attached(void)
{
  return atomic_load_explicit(&runtime, memory_order_acquire);
}

void
sa_raise(RPC_STATUS status, const char *function, const char *reason)
{
  if (SA_LIKELY(status == RPC_S_OK))
    return;
  const struct sa_runtime *attached = sa_runtime_attached();
  if (attached)
    attached->raise(status);
  raise_handler *call = atomic_load_explicit(&handler, memory_order_acquire);
  if (!call) {
    sa_say("%s: %s (status %u); nothing here takes the exception", function, reason,
           (unsigned)status);
    abort();
  }
  call(status);
}
