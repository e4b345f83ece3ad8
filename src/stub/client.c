/* The functions by which a thread's client stubs allocate and free. */
#include "stub/stub.h"

struct pair {
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *free;
};

/* The midl_user_allocate that is linked may be one that takes fewer bits of a size than ours. */
static void *
midl_allocate(size_t size)
{
  const struct sa_runtime *runtime = sa_runtime_attached();
  return runtime && size > runtime->largest ? sa_no_memory() : midl_user_allocate(size);
}

static void *__RPC_API
default_allocate(size_t size)
{
  sa_scope *scope = sa_scope_current();
  return scope ? sa_scope_alloc(scope, size) : midl_allocate(size);
}

/* The scope may have changed since the block was allocated, so the block itself must tell. */
static void __RPC_API
default_free(void *block)
{
  if (sa_scope_of(block))
    sa_free(block);
  else
    midl_user_free(block);
}

SA_EACH_THREADS_STATIC struct pair own_client = {default_allocate, default_free};
#define client SA_THIS_THREADS(own_client)

RPC_STATUS RPC_ENTRY
RpcSmSetClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc, RPC_CLIENT_FREE *ClientFree)
{
  if (!ClientAlloc || !ClientFree)
    return RPC_S_INVALID_ARG;
  client = (struct pair){ClientAlloc, ClientFree};
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsSetClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc, RPC_CLIENT_FREE *ClientFree)
{
  sa_raise(RpcSmSetClientAllocFree(ClientAlloc, ClientFree), "RpcSsSetClientAllocFree",
           "a null function");
}

RPC_STATUS RPC_ENTRY
RpcSmSwapClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc, RPC_CLIENT_FREE *ClientFree,
                         RPC_CLIENT_ALLOC **OldClientAlloc, RPC_CLIENT_FREE **OldClientFree)
{
  const struct pair old = client;
  if (!OldClientAlloc || !OldClientFree
      || RpcSmSetClientAllocFree(ClientAlloc, ClientFree) != RPC_S_OK)
    return RPC_S_INVALID_ARG;
  *OldClientAlloc = old.allocate;
  *OldClientFree = old.free;
  return RPC_S_OK;
}

void RPC_ENTRY
RpcSsSwapClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc, RPC_CLIENT_FREE *ClientFree,
                         RPC_CLIENT_ALLOC **OldClientAlloc, RPC_CLIENT_FREE **OldClientFree)
{
  sa_raise(RpcSmSwapClientAllocFree(ClientAlloc, ClientFree, OldClientAlloc, OldClientFree),
           "RpcSsSwapClientAllocFree", "a null pointer");
}

void *
sa_client_allocate(size_t size)
{
  return client.allocate(size);
}

RPC_STATUS RPC_ENTRY
RpcSmClientFree(void *pNodeToFree)
{
  if (pNodeToFree)
    client.free(pNodeToFree);
  return RPC_S_OK;
}
