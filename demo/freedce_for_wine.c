/*
 * What a client on FreeDCE needs in order to call a server on Wine's rpcrt4. Linked with
 * --wrap=rpc_call_start.
 *
 * Wine's server answers whatever it is sent by the number 1, and FreeDCE waits on when an answer bears
 * another number than the request. FreeDCE counts: a call takes the next number, and if there is no
 * connection for it, the bind takes the one after that. So that both are number 1, a call that sends
 * nothing first makes the connection. Neither the counter nor how calls begin is in a public header.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dce/rpc.h>
#include <dce/stubbase.h>

extern unsigned32 rpc_g_cn_call_id;

typedef void call_start(rpc_binding_handle_t binding, unsigned32 options, rpc_if_handle_t ifspec,
                        unsigned32 operation, rpc_call_handle_t *call,
                        rpc_transfer_syntax_t *syntax, unsigned32 *status);
extern call_start __real_rpc_call_start, __wrap_rpc_call_start;

void
__wrap_rpc_call_start(rpc_binding_handle_t binding, unsigned32 options, rpc_if_handle_t ifspec,
                      unsigned32 operation, rpc_call_handle_t *call, rpc_transfer_syntax_t *syntax,
                      unsigned32 *status)
{
  unsigned32 ended;
  rpc_g_cn_call_id = 0;
  __real_rpc_call_start(binding, options, ifspec, operation, call, syntax, status);
  if (*status != rpc_s_ok)
    return;
  rpc_call_end(call, &ended);
  rpc_g_cn_call_id = 1;
  __real_rpc_call_start(binding, options, ifspec, operation, call, syntax, status);
}
