/*
 * What the library for an RPC runtime brings. It attaches this when it is loaded; it is all that
 * the rest of the stub room knows of runtimes.
 */
#ifndef SA_RUNTIME_H
#define SA_RUNTIME_H

#include <stddef.h>

#include "stuballoc/rpcss.h"

struct sa_runtime {
  /* Raises the runtime's exception for a status; does not return. */
  void (*raise)(RPC_STATUS status);
  /* Reclaims a context handle and sets it to NULL. */
  RPC_STATUS (*destroy_client_context)(void **context);
  /* The largest size that the midl_user_allocate of its prototype can be asked for. */
  size_t largest;
};

/* Exported for those libraries, part of no public header. The last one attached counts, NULL: none.
 * It must stay where it is. */
SA_API void sa_runtime_attach(const struct sa_runtime *runtime);

/* What every midl_user_allocate does: takes a block of the scope that the thread is in, or of the
 * engine when it is in none. NULL: no memory. */
SA_API void *sa_stub_allocate(size_t size);

/* Allocates as this thread's client stubs do, for the hooks of a runtime, and exported like the
 * above: what RpcSmClientFree gives back. NULL: no memory. */
SA_API void *sa_client_allocate(size_t size);

#endif
