/* The package's functions under the names by which a program for Windows reaches them. */
#define _RPCRT4_ /* makes <rpcndr.h> declare them as functions of ours instead of a DLL's */
#include "stub/imports.h"

SA_IMPORT(RpcSsAllocate)
SA_IMPORT(RpcSsDestroyClientContext)
SA_IMPORT(RpcSsDisableAllocate)
SA_IMPORT(RpcSsEnableAllocate)
SA_IMPORT(RpcSsFree)
SA_IMPORT(RpcSsGetThreadHandle)
SA_IMPORT(RpcSsSetClientAllocFree)
SA_IMPORT(RpcSsSetThreadHandle)
SA_IMPORT(RpcSsSwapClientAllocFree)
SA_IMPORT(RpcSmAllocate)
SA_IMPORT(RpcSmClientFree)
SA_IMPORT(RpcSmDestroyClientContext)
SA_IMPORT(RpcSmDisableAllocate)
SA_IMPORT(RpcSmEnableAllocate)
SA_IMPORT(RpcSmFree)
SA_IMPORT(RpcSmGetThreadHandle)
SA_IMPORT(RpcSmSetClientAllocFree)
SA_IMPORT(RpcSmSetThreadHandle)
SA_IMPORT(RpcSmSwapClientAllocFree)
