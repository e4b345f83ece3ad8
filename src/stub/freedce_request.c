/*
 * A request comes in one fragment or more, of which the runtime hands over the first; a stub receives
 * the others as it needs them. But once it has answered, by a fault or because there is more than it
 * wants, FreeDCE takes the next fragment for an event that cannot be, and aborts the program: any
 * client could end the server. So they are all received here first, and joined in the scope. What the
 * runtime refuses among them, since its sender told that nothing would follow, ends nothing, either: the
 * call fails when all of them are in.
 */
#include "stub/freedce_request.h"

#include <stdint.h>
#include <string.h>

#include <dce/rpcexc.h>
#include <dce/rpcsts.h>

struct request {
  char      *data; /* NULL: there is no memory for it */
  size_t     length;
  unsigned32 status; /* of a fragment that was refused */
};

#define MOST UINT32_MAX   /* the runtime's lengths have 32 bits */
enum { STEP = 64 << 10 }; /* by which `data` grows: it is always of more than `length` bytes */

static void
free_joined(byte_p_t data)
{
  sa_free(data);
}

static void
release(rpc_iovector_elt_t *fragment)
{
  if (fragment->buff_dealloc)
    fragment->buff_dealloc(fragment->buff_addr);
  fragment->buff_dealloc = NULL;
}

static void
make_room(struct request *request, size_t length)
{
  if (!request->data || length / STEP == request->length / STEP)
    return;
  char *larger = length <= MOST ? sa_realloc(request->data, (length / STEP + 1) * STEP) : NULL;
  if (!larger)
    sa_free(request->data);
  request->data = larger;
}

static void
append(struct request *request, rpc_iovector_elt_t *fragment)
{
  if (fragment->data_len == 0) /* there is nothing to release, either */
    return;
  size_t length = request->length + fragment->data_len;
  make_room(request, length);
  if (request->data)
    memcpy(request->data + request->length, fragment->data_addr, fragment->data_len);
  request->length = length;
  release(fragment);
}

/* Neither for the end nor for a fragment without data does the runtime give an address; but only at the
 * end does it set `buff_dealloc`, to NULL. Of one that it refuses it sets nothing. */
static bool
is_empty(const rpc_iovector_elt_t *fragment)
{
  return !fragment->data_addr && fragment->buff_dealloc;
}

/* False: there is none any more, or the call's status tells why. */
static bool
receive(const struct sa_freedce_call *call, struct request *request, rpc_iovector_elt_t *fragment)
{
  do {
    *fragment = (rpc_iovector_elt_t){.buff_dealloc = free_joined};
    rpc_call_receive(call->handle, fragment, call->status);
    if (*call->status == rpc_s_call_faulted) {
      request->status = rpc_s_call_faulted;
      *call->status = rpc_s_ok;
    }
  } while (*call->status == rpc_s_ok && is_empty(fragment));
  if (*call->status == rpc_s_ok && fragment->data_addr)
    return true;
  if (*call->status == rpc_s_ok)
    *call->status = request->status;
  return false;
}

/* What is to be freed by the stub as if it came from the runtime. */
static void
hand_over(const struct request *request, rpc_iovector_elt_t *input)
{
  input->buff_dealloc = free_joined;
  input->buff_addr = input->data_addr = (byte_p_t)request->data;
  input->buff_len = input->data_len = (unsigned32)request->length;
}

bool
sa_freedce_receive(const struct sa_freedce_call *call, sa_scope *scope)
{
  rpc_iovector_elt_t fragment;
  struct request     request = {NULL, 0, rpc_s_ok};
  bool               more = receive(call, &request, &fragment);
  if (scope && !more && *call->status == rpc_s_ok)
    return true;
  request.data = sa_scope_alloc(scope, STEP);
  append(&request, call->input);
  for (; more; more = receive(call, &request, &fragment))
    append(&request, &fragment);
  if (*call->status != rpc_s_ok)
    return false;
  if (request.data)
    hand_over(&request, call->input);
  else
    rpc_ss_send_server_exception(call->handle, &rpc_x_no_memory);
  return request.data;
}
