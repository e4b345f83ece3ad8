/*
 * One way for the stubs and the manager of a remote call to get memory and to give it back. There
 * is a file for each, rpc_NAME.c, which the server and the client are linked with. Where these
 * functions are not to be stuballoc's, it also defines midl_user_allocate, midl_user_free, and
 * RpcSsAllocate, by which the manager allocates.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RPC_MEMORY_H
#define RPC_MEMORY_H

#include <stdbool.h>

#include <stuballoc/rpc.h>

#ifdef _WIN32
typedef size_t stub_size;
#else
typedef unsigned stub_size; /* FreeDCE's idl_size_t */
#endif

/* What the server registers in place of an interface. */
sa_if_handle memory_interface(sa_if_handle ifspec);

/* Before a call of the client's, and after it has read the answer. */
void memory_begin(void);
void memory_end(void);

/* Whether the client has to free before that, by midl_user_free, all that a call returned. */
extern const bool memory_one_by_one;

#endif
