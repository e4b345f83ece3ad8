/*
 * A call as FreeDCE's runtime passes it to an interface's function, and the request that comes with it.
 */
#ifndef SA_FREEDCE_REQUEST_H
#define SA_FREEDCE_REQUEST_H

#include <stdbool.h>

#include <dce/rpc.h>
#include <dce/stubbase.h>

#include "stuballoc.h"

#pragma GCC visibility push(hidden)

/* What the runtime passes to an entry, and the entry to the stub. */
struct sa_freedce_call {
  handle_t                binding;
  rpc_call_handle_t       handle;
  rpc_iovector_elt_p_t    input;
  ndr_format_p_t          format;
  rpc_transfer_syntax_p_t syntax;
  rpc_mgr_epv_t           manager;
  unsigned32             *status;
};

/* Makes the call's input the whole request, in the scope where it came in several fragments. False:
 * there can be no call, and `status` or the client has been told why. NULL: there is no memory for a
 * scope. */
bool sa_freedce_receive(const struct sa_freedce_call *call, sa_scope *scope);

#pragma GCC visibility pop

#endif
