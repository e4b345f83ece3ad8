/* Context handles of a client. */
#include "stub/stub.h"

RPC_STATUS RPC_ENTRY
RpcSmDestroyClientContext(void **ContextHandle)
{
  const struct sa_runtime *runtime = sa_runtime_attached();
  if (!ContextHandle)
    return RPC_X_NULL_REF_POINTER;
  return runtime ? runtime->destroy_client_context(ContextHandle) : RPC_X_SS_CONTEXT_MISMATCH;
}

void RPC_ENTRY
RpcSsDestroyClientContext(void **ContextHandle)
{
  sa_raise(RpcSmDestroyClientContext(ContextHandle), "RpcSsDestroyClientContext",
           "not a context handle");
}
