/*
 * The stub hooks: what generated stubs and the programs around them call by name.
 *
 * THE MODEL
 *
 * There is one notion below all of it: the scope that a thread is in, sa_scope_current. Stubs take
 * memory from it through midl_user_allocate, applications through RpcSsAllocate, and a block knows
 * by its address where it belongs, so every free is sa_free. What this room keeps beside it is
 * little, and each piece has a file:
 *
 * - environment.c: which of a thread's entries into scopes were made here. The stack of frames lies
 *   in the scope room; a frame says who made it. A scope of Enable ends with its frame, however
 *   that ends: by Disable, by an exception that went past it, by the thread's exit. A frame of
 *   SetThreadHandle is replaced by the next one's.
 * - allocate.c: blocks.
 * - client.c: a pair of functions a thread, by which its client stubs allocate and free.
 * - context.c: context handles, which belong to the runtime.
 * - midl_user.c: the two functions that an application may bring itself. They have an object file
 *   of their own, and this room calls them like a stranger, so that the application's are called.
 * - raise.c: how a failure becomes an exception.
 * - imports.c: for Windows, the names by which programs there reach a static library's package.
 * - operations.c: what the calls to scoped interfaces did, the same for every runtime.
 * - freedce.c, freedce_midl.c, freedce_request.c, freedce_scoped.c: the library for FreeDCE;
 *   rpcrt4.c, rpcrt4_ndr.c, rpcrt4_scoped.c: that for rpcrt4. They take from the rest of this room
 *   only what runtime.h and operations.h declare, and else what every program may call; scoped.c is
 *   a part of both.
 *
 * Every function of the package is written once, in the form that returns a status; RpcSm* hands
 * that on, RpcSs* passes it to sa_raise. All state here is a thread's own, but for the handler and
 * the runtime in raise.c.
 *
 * An RPC runtime is known here by a struct sa_runtime alone, which the library for that runtime
 * attaches when it is loaded.
 */
#ifndef SA_STUB_H
#define SA_STUB_H

#ifdef _WIN32
/* Makes <rpc.h> declare the package as functions of ours instead of a DLL's. */
#define _RPCRT4_
#endif

#include "engine/engine.h"
#include "scope/scope.h"
#include "stub/runtime.h"
#include "stuballoc/midl.h"
#include "stuballoc/rpcss.h"

#if defined(_WIN32) && defined(DLL_EXPORT)
/* So our DLL exports what Windows' headers only declare: all these words stand in a definition. */
#undef RPC_ENTRY
#define RPC_ENTRY __declspec(dllexport) __RPC_API
#undef __RPC_USER
#define __RPC_USER __declspec(dllexport) __RPC_API
#endif

#pragma GCC visibility push(hidden)

/* The runtime attached, or NULL. */
const struct sa_runtime *sa_runtime_attached(void);

/* Raises a failure of `function`. Returns only when the program's handler does. RPC_S_OK is no
 * failure. `reason` is for the one line that is said where nobody takes the exception. */
void sa_raise(RPC_STATUS status, const char *function, const char *reason);

#pragma GCC visibility pop

#endif
