/*
 * What a server needs, and a client whose stubs do not call midl_user_allocate: the functions of the
 * library for an RPC runtime, libstuballoc-freedce or libstuballoc-rpcrt4.
 *
 * That library also makes RpcSs* raise the runtime's own exceptions: FreeDCE's rpc_x_no_memory,
 * rpc_x_invalid_arg and rpc_x_ss_context_mismatch, or what RpcRaiseException makes of the status.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_RPC_H
#define STUBALLOC_RPC_H

#include <stuballoc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* FreeDCE's rpc_if_handle_t, or Windows' RPC_IF_HANDLE. */
typedef void *sa_if_handle;

/*
 * Returns an interface handle to register in place of `ifspec`: every call to it runs in a scope of
 * its own, made with `options`, which is entered before the stub unmarshals and destroyed after it
 * has marshalled, whatever the manager does (return, raise, be cancelled). Neither the IDL nor the
 * ACF nor the manager need be changed, and it may be registered with any manager EPV.
 *
 * All that the stub and the manager take through midl_user_allocate and RpcSsAllocate during a call
 * is gone after it, so what a context handle stands for has to come from elsewhere, such as
 * sa_malloc, or be kept by sa_scope_keep. A call that asks for more than the budget gets NULL, from
 * which the stub makes the runtime's no-memory fault. (FreeDCE's stubs made without -midl have a
 * list of their own for what they unmarshal; their scope holds what the manager takes.)
 *
 * A request of several fragments is first received as a whole, in the call's scope, where it counts
 * for the budget until it is unmarshalled; one that does not fit is refused with the same fault. So
 * no answer goes out before all of the request has come in, at which FreeDCE would abort the program.
 *
 * The handle lives as long as the program. NULL with errno EINVAL when `ifspec` is not a server's;
 * ENOMEM when there is no memory, or when more than 1,024 operations were scoped with FreeDCE;
 * ENOTSUP when MIDL made the stubs for more than one transfer syntax, which
 * `midl /protocol dce` avoids.
 */
SA_API sa_if_handle sa_scoped_interface(sa_if_handle ifspec, const sa_scope_options *options);

/*
 * Sets a function, one for the process, that is told at the end of every scoped call what its scope
 * holds and held at most; NULL: none. It runs on the thread of the call, inside the scope, once the
 * answer has been marshalled, or the stub has given up. `ifspec` is the handle that
 * sa_scoped_interface was given. What all calls did is in sa_get_operation_stats, observed or not.
 */
typedef void sa_call_observer(sa_if_handle ifspec, unsigned operation,
                              const struct sa_scope_stats *stats);
SA_API void  sa_observe_calls(sa_call_observer *observer);

/*
 * Makes the client stubs of the calling thread take the results that they return from where
 * RpcSsSetClientAllocFree says: by default the scope that the thread is in, else
 * midl_user_allocate. For FreeDCE's stubs that were made without -midl, which otherwise take them
 * from malloc; the others set their functions themselves in every call. rpc_ss_client_free gives
 * such a result back, as RpcSmClientFree does. With rpcrt4 there is nothing to be done: stubs that
 * go by those functions ask for them in every call.
 */
SA_API void sa_attach_client(void);

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_RPC_H */
