/*
 * The memory package of Microsoft's RPC, RpcSs* and RpcSm*, over stuballoc's scopes.
 *
 * The environment that Microsoft's documentation speaks of is a scope: RpcSsEnableAllocate creates
 * one and enters it, RpcSsAllocate takes memory from the scope that the thread is in, and
 * RpcSsDisableAllocate gives back all of it at once. A scope entered in any other way, by
 * sa_scope_enter or by a server's stub, is as good an environment.
 *
 * Each function comes in two forms. The RpcSm form returns a status and never raises. The RpcSs
 * form raises what the other would return: in the way of the RPC runtime that the program is linked
 * with, or else by the handler set with sa_set_raise_handler; with neither it says what went wrong,
 * in one line on stderr, and aborts.
 *
 * On Windows this header includes <rpc.h> and declares nothing a second time. Elsewhere it may come
 * before or after the headers of FreeDCE.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_RPCSS_H
#define STUBALLOC_RPCSS_H

#include <stddef.h>

#include <stuballoc.h>

#ifdef _WIN32

#include <rpc.h>
#include <rpcndr.h>

#else

/* What Windows' prototypes are sprinkled with, for programs that follow its documentation. */
#ifndef __RPC_FAR
#define __RPC_FAR
#endif
#ifndef __RPC_API
#define __RPC_API
#endif
#ifndef __RPC_USER
#define __RPC_USER
#endif
#ifndef RPC_ENTRY
#define RPC_ENTRY
#endif

/* Status values, spelt as in Windows' headers and in FreeDCE's <compat/winerror.h>, so that the
 * compiler takes a second definition for the same. */
#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS 0
#endif
#ifndef ERROR_INVALID_HANDLE
#define ERROR_INVALID_HANDLE 6
#endif
#ifndef ERROR_OUTOFMEMORY
#define ERROR_OUTOFMEMORY 14
#endif
#ifndef ERROR_INVALID_PARAMETER
#define ERROR_INVALID_PARAMETER 87
#endif
#ifndef RPC_S_OK
#define RPC_S_OK ERROR_SUCCESS
#endif
#ifndef RPC_S_OUT_OF_MEMORY
#define RPC_S_OUT_OF_MEMORY ERROR_OUTOFMEMORY
#endif
#ifndef RPC_S_INVALID_ARG
#define RPC_S_INVALID_ARG ERROR_INVALID_PARAMETER
#endif
#ifndef RPC_X_SS_CONTEXT_MISMATCH
#define RPC_X_SS_CONTEXT_MISMATCH ERROR_INVALID_HANDLE
#endif
#ifndef RPC_X_NULL_REF_POINTER
#define RPC_X_NULL_REF_POINTER 1780
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The same type as in FreeDCE's <compat/mswrappers.h>, which may be included as well. */
typedef unsigned int RPC_STATUS;
/* A scope: an sa_scope pointer is a thread handle, and the other way round. */
typedef void *RPC_SS_THREAD_HANDLE;
typedef void *RPC_CLIENT_ALLOC(size_t Size);
typedef void  RPC_CLIENT_FREE(void *Ptr);

/* --- The environment -------------------------------------------------------------------------- */

/*
 * Creates a scope and enters it, so that this thread's stubs and RpcSsAllocate take their memory
 * there. To be paired with a Disable in the same thread. Pairs nest; each frees its own.
 * RPC_S_OUT_OF_MEMORY when there is none.
 *
 * A scope whose Disable is skipped ends with the first scope around it that is left, or with its
 * thread.
 */
SA_API void       RpcSsEnableAllocate(void);
SA_API RPC_STATUS RpcSmEnableAllocate(void);

/*
 * Leaves and destroys the scope of the last Enable of this thread that has not been disabled, with
 * all that is in it, and leaves whatever scope was entered since. Without such an Enable it does
 * nothing. RPC_S_OK always.
 *
 * While other threads are in that scope, by SetThreadHandle, its memory stays until the last of
 * them has left.
 */
SA_API void       RpcSsDisableAllocate(void);
SA_API RPC_STATUS RpcSmDisableAllocate(void);

/*
 * Returns the handle of the scope that this thread is in, for another thread, or for this one
 * later. NULL when there is none, which is no error. `pStatus` may be NULL.
 */
SA_API RPC_SS_THREAD_HANDLE RpcSsGetThreadHandle(void);
SA_API RPC_SS_THREAD_HANDLE RpcSmGetThreadHandle(RPC_STATUS *pStatus);

/*
 * Puts this thread into the scope of a handle, in place of one that it set before; NULL: into none.
 * What it was in by other means, such as Enable, is hidden then and comes back when its own handle
 * is set again. So Get and Set together save and restore. A thread that exits leaves the scope.
 * RPC_S_OUT_OF_MEMORY when there is none; the thread then is where it was. A handle of no scope, or
 * of one that has ended, is misuse: it is said, and the program aborts, or gets RPC_S_INVALID_ARG
 * where misuse is only to be reported. A handle may be used again for a new scope once its own has
 * ended, and is not found out then.
 */
SA_API void       RpcSsSetThreadHandle(RPC_SS_THREAD_HANDLE Id);
SA_API RPC_STATUS RpcSmSetThreadHandle(RPC_SS_THREAD_HANDLE Id);

/* --- Blocks ----------------------------------------------------------------------------------- */

/*
 * Returns a block in the scope that this thread is in, aligned to 16 bytes. A size of 0 gives a
 * block as well. RPC_S_INVALID_ARG when the thread is in no scope; RPC_S_OUT_OF_MEMORY when there
 * is no memory or the scope's budget does not allow it. RpcSmAllocate then returns NULL; its
 * `pStatus` may be NULL.
 */
SA_API void *RpcSsAllocate(size_t Size) SA_ATTRIBUTE(alloc_size(1));
SA_API void *RpcSmAllocate(size_t Size, RPC_STATUS *pStatus) SA_ATTRIBUTE(alloc_size(1));

/*
 * Gives a block of RpcSsAllocate or RpcSmAllocate back, for use at once (Windows only marks it,
 * until the Disable). Any thread may do so. NULL is ignored. RPC_S_OK always: a pointer that is no
 * block is misuse, as for sa_free.
 */
SA_API void       RpcSsFree(void *NodeToFree);
SA_API RPC_STATUS RpcSmFree(void *NodeToFree);

/* --- The client's own functions --------------------------------------------------------------- */

/*
 * Sets the functions by which client stubs of this thread allocate and free. Until then it is the
 * scope that the thread is in, if it is in one, else midl_user_allocate and midl_user_free.
 * RPC_S_INVALID_ARG for a null function.
 */
SA_API void RpcSsSetClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc, RPC_CLIENT_FREE *ClientFree);
SA_API RPC_STATUS RpcSmSetClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc,
                                          RPC_CLIENT_FREE  *ClientFree);

/*
 * The same, and returns the functions that it replaces; setting those restores what was.
 * RPC_S_INVALID_ARG for any null pointer; nothing is changed then.
 */
SA_API void RpcSsSwapClientAllocFree(RPC_CLIENT_ALLOC *ClientAlloc, RPC_CLIENT_FREE *ClientFree,
                                     RPC_CLIENT_ALLOC **OldClientAlloc,
                                     RPC_CLIENT_FREE  **OldClientFree);
SA_API RPC_STATUS RpcSmSwapClientAllocFree(RPC_CLIENT_ALLOC  *ClientAlloc,
                                           RPC_CLIENT_FREE   *ClientFree,
                                           RPC_CLIENT_ALLOC **OldClientAlloc,
                                           RPC_CLIENT_FREE  **OldClientFree);

/*
 * Frees what a client stub returned, with this thread's client function, so that the caller need
 * not know which that is. NULL is ignored. RPC_S_OK always.
 */
SA_API RPC_STATUS RpcSmClientFree(void *pNodeToFree);

/* --- Context handles -------------------------------------------------------------------------- */

/*
 * Reclaims what the client keeps for a context handle that has become useless, without a word to
 * the server, and sets it to NULL. Context handles are the RPC runtime's, so this is handed to it.
 * RPC_X_SS_CONTEXT_MISMATCH for a handle that is none, as every one is in a program without a
 * runtime; RPC_X_NULL_REF_POINTER when `ContextHandle` itself is NULL.
 */
/* In parentheses: FreeDCE's <compat/mswrappers.h> has a macro of that name. */
SA_API void(RpcSsDestroyClientContext)(void **ContextHandle);
SA_API RPC_STATUS RpcSmDestroyClientContext(void **ContextHandle);

#ifdef __cplusplus
}
#endif

#endif /* _WIN32 */

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets the function, one for the process, that RpcSs* call with the status of a failure where no
 * RPC runtime brings exceptions of its own; NULL: none. It may leave by longjmp or a C++ exception.
 * If it returns, the function that failed returns, too: with NULL where it returns a pointer, and
 * without having done anything.
 */
SA_API void sa_set_raise_handler(void (*handler)(RPC_STATUS status));

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_RPCSS_H */
