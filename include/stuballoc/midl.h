/*
 * The two functions by which stubs get memory, where they do not ask the RpcSs package.
 *
 * Their prototypes are the RPC runtime's: on Windows those of <rpcndr.h>, with FreeDCE a size of 32
 * bits, else a size_t. That it is FreeDCE's shows in that one of its headers comes before this one,
 * or in the macro STUBALLOC_FREEDCE; the other way round the compiler will find the two prototypes
 * at odds.
 *
 * A program that defines both of them itself gets its own, whether it is linked with the static or
 * with the shared library; it must define neither or both. On Windows, its stubs do; but a DLL calls
 * nothing of the program by name, so the client pair that is there before RpcSsSetClientAllocFree is
 * the library's own in the DLL, and takes from the engine.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_MIDL_H
#define STUBALLOC_MIDL_H

#include <stddef.h>

#include <stuballoc.h>

#ifdef _WIN32

/* Declares them, under the names MIDL_user_allocate and MIDL_user_free. */
#include <rpc.h>
#include <rpcndr.h>

#else

#ifdef __cplusplus
extern "C" {
#endif

/* idl_size_t is a typedef of this. */
#if defined(IDLBASE_H) || defined(STUBALLOC_FREEDCE)
#define SA_MIDL_SIZE unsigned int
#else
#define SA_MIDL_SIZE size_t
#endif

/*
 * Returns a block in the scope that this thread is in, or of sa_malloc when it is in none. A size of
 * 0 gives a block as well. NULL with errno ENOMEM when there is no memory or the scope's budget
 * does not allow it; the stub then raises what its runtime raises.
 */
SA_API void *midl_user_allocate(SA_MIDL_SIZE size);

/*
 * Gives a block of midl_user_allocate back for use at once, in the scope or out of it. Any thread
 * may do so. NULL is ignored. A pointer that is no block is misuse, as for sa_free.
 */
SA_API void midl_user_free(void *block);

#undef SA_MIDL_SIZE

#ifdef __cplusplus
}
#endif

#endif /* _WIN32 */

#endif /* STUBALLOC_MIDL_H */
