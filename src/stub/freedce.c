/* FreeDCE: its exceptions, its context handles and its client stubs. */
#include <dce/rpc.h>
#include <dce/stubbase.h>

#include <dce/rpcexc.h>

#include "stub/runtime.h"
#include "stuballoc/rpc.h"

/* --- the runtime, as the rest of the room knows it --------------------------------------------- */

static void
raise_exception(RPC_STATUS status)
{
  switch (status) {
  case RPC_S_OUT_OF_MEMORY:
    DCETHREAD_RAISE(rpc_x_no_memory);
  case RPC_X_SS_CONTEXT_MISMATCH:
    DCETHREAD_RAISE(rpc_x_ss_context_mismatch);
  default:
    DCETHREAD_RAISE(rpc_x_invalid_arg);
  }
}

/* FreeDCE asks no questions: what is no NULL is taken for a context handle. */
static RPC_STATUS
destroy_client_context(void **context)
{
  if (!*context)
    return RPC_X_SS_CONTEXT_MISMATCH;
  rpc_ss_destroy_client_context((rpc_ss_context_t *)context);
  return RPC_S_OK;
}

static const struct sa_runtime freedce = {
  .raise = raise_exception,
  .destroy_client_context = destroy_client_context,
  .largest = (idl_size_t)-1,
};

/* Until the runtime has set them up, its exceptions are all zero and match one another, and a
 * DCETHREAD_TRY keeps its frame under a key for thread-specific data that may be somebody else's. */
static __attribute__((constructor)) void
attach(void)
{
  (void)dcethread_self();
  rpc_ss_init_client_once();
  sa_runtime_attach(&freedce);
}

/* --- client stubs ------------------------------------------------------------------------------ */

static idl_void_p_t
client_allocate(idl_void_p_t context, idl_size_t size)
{
  (void)context;
  return sa_client_allocate(size);
}

static void
client_free(idl_void_p_t context, idl_void_p_t block)
{
  (void)context;
  RpcSmClientFree(block);
}

void
sa_attach_client(void)
{
  rpc_ss_set_client_alloc_free(client_allocate, client_free);
}
