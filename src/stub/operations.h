/*
 * What the operations of scoped interfaces do, counted call by call, for every runtime alike.
 *
 * The file of a runtime says when a call begins and when it has ended. Like runtime.h, this is
 * exported for the libraries for the runtimes, and part of no public header.
 */
#ifndef SA_OPERATIONS_H
#define SA_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "stuballoc/rpc.h"

struct sa_operations;

/* Operations 0 to `count` - 1 of an interface, for good; `name` is copied. NULL: no memory. */
SA_API struct sa_operations *sa_operations_add(sa_if_handle ifspec, const char *name,
                                               unsigned count);

struct sa_call {
  struct sa_operations *operations;
  unsigned              number;
  uint64_t              begun;
};

SA_API void sa_call_begins(struct sa_call *call, struct sa_operations *operations, unsigned number);
/* The stub is done, its scope still there, or NULL: there was no memory for one. `fault`: the client
 * gets no result. Tells the observer, too. */
SA_API void sa_call_ends(const struct sa_call *call, sa_scope *scope, bool fault);

#endif
