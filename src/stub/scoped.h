/*
 * What the scoped interfaces of every RPC runtime have in common. The file of a runtime copies the
 * interface's handle, and runs its stubs in a scope of sa_scoped_enter.
 */
#ifndef SA_SCOPED_H
#define SA_SCOPED_H

#include "stuballoc/rpc.h"

#pragma GCC visibility push(hidden)

enum { SA_SCOPED_NAME = 32 };

/* Set before the interface is registered, and so before it is called; never changed nor moved. */
struct sa_scoped {
  sa_if_handle     original;
  sa_scope_options options;
  char             name[SA_SCOPED_NAME];
};

void sa_scoped_set(struct sa_scoped *scoped, sa_if_handle original,
                   const sa_scope_options *options);

/* A scope for a call, entered. NULL: no memory. */
sa_scope *sa_scoped_enter(const struct sa_scoped *scoped);

/* Tells the observer of the call. */
void sa_scoped_observe(const struct sa_scoped *scoped, unsigned operation, sa_scope *scope);

#pragma GCC visibility pop

#endif
