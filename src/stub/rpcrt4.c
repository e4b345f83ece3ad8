/* Windows' rpcrt4: its exceptions, its context handles and its client stubs. */
#include <rpc.h>
#include <rpcndr.h>

#include "stub/runtime.h"
#include "stuballoc/rpc.h"

static void
raise_exception(RPC_STATUS status)
{
  RpcRaiseException(status);
}

/* A program gets our function by this name, so rpcrt4's is asked for itself. (Wine's takes anything
 * but NULL for a context handle.) */
static RPC_STATUS
destroy_client_context(void **context)
{
  FARPROC destroy = GetProcAddress(GetModuleHandleA("rpcrt4.dll"), "RpcSmDestroyClientContext");
  if (!destroy || !*context)
    return RPC_X_SS_CONTEXT_MISMATCH;
  return ((RPC_STATUS(RPC_ENTRY *)(void **))(void (*)(void))destroy)(context);
}

static const struct sa_runtime rpcrt4 = {
  .raise = raise_exception,
  .destroy_client_context = destroy_client_context,
  .largest = SIZE_MAX,
};

static __attribute__((constructor)) void
attach(void)
{
  sa_runtime_attach(&rpcrt4);
}

/* Client stubs that go by the thread's functions ask NdrRpcSmSetClientToOsf in every call. */
void
sa_attach_client(void)
{
}
