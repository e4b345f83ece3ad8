/* What MIDL's stubs themselves call of the package: for operations with [enable_allocate], and for
 * clients that allocate by their thread's functions. */
#define _RPCRT4_ /* makes <rpcndr.h> declare these as functions of ours instead of a DLL's */
#include "stub/imports.h"
#include "stub/runtime.h"

/* --- servers ----------------------------------------------------------------------------------- */

SA_API void RPC_ENTRY
NdrRpcSsEnableAllocate(PMIDL_STUB_MESSAGE pMessage)
{
  RpcSsEnableAllocate();
  pMessage->pfnAllocate = RpcSsAllocate;
  pMessage->pfnFree = RpcSsFree;
}

SA_API void RPC_ENTRY
NdrRpcSsDisableAllocate(PMIDL_STUB_MESSAGE pMessage)
{
  RpcSsDisableAllocate();
  pMessage->pfnAllocate = NdrRpcSsDefaultAllocate;
  pMessage->pfnFree = NdrRpcSsDefaultFree;
}

/* As midl_user_allocate does, which the program may have brought itself. */
SA_API void *RPC_ENTRY
NdrRpcSsDefaultAllocate(size_t Size)
{
  return sa_stub_allocate(Size);
}

SA_API void RPC_ENTRY
NdrRpcSsDefaultFree(void *NodeToFree)
{
  sa_free(NodeToFree);
}

/* --- clients ----------------------------------------------------------------------------------- */

SA_API void RPC_ENTRY
NdrRpcSmSetClientToOsf(PMIDL_STUB_MESSAGE pMessage)
{
  pMessage->pfnAllocate = NdrRpcSmClientAllocate;
  pMessage->pfnFree = NdrRpcSmClientFree;
}

SA_API void *RPC_ENTRY
NdrRpcSmClientAllocate(size_t Size)
{
  return sa_client_allocate(Size);
}

SA_API void RPC_ENTRY
NdrRpcSmClientFree(void *NodeToFree)
{
  RpcSmClientFree(NodeToFree);
}

SA_IMPORT(NdrRpcSsEnableAllocate)
SA_IMPORT(NdrRpcSsDisableAllocate)
SA_IMPORT(NdrRpcSsDefaultAllocate)
SA_IMPORT(NdrRpcSsDefaultFree)
SA_IMPORT(NdrRpcSmSetClientToOsf)
SA_IMPORT(NdrRpcSmClientAllocate)
SA_IMPORT(NdrRpcSmClientFree)
