/*
 * What the scoped interfaces of every RPC runtime have in common. The file of a runtime copies the
 * interface's handle, and runs its stubs between sa_scoped_call_begins and sa_scoped_call_ends.
 */
#ifndef SA_SCOPED_H
#define SA_SCOPED_H

#include "stub/operations.h"
#include "stuballoc/stats.h"

#pragma GCC visibility push(hidden)

/* Set before the interface is registered, and so before it is called; never changed nor moved. */
struct sa_scoped {
  struct sa_operations *operations;
  sa_scope_options      options;
  char                  name[SA_OPERATION_NAME];
};

/* For an interface of operations 0 to `count` - 1. False: no memory. */
bool sa_scoped_set(struct sa_scoped *scoped, sa_if_handle original, unsigned count,
                   const sa_scope_options *options);

struct sa_scoped_call {
  struct sa_call account;
  sa_scope      *scope; /* entered. NULL: there was no memory for it */
};

void sa_scoped_call_begins(struct sa_scoped_call *call, const struct sa_scoped *scoped,
                           unsigned operation);
/* The stub is done, or has been left. `fault`: the client gets no result. */
void sa_scoped_call_ends(const struct sa_scoped_call *call, bool fault);

#pragma GCC visibility pop

#endif
