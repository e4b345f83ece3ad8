/*
 * FreeDCE's server stubs, each call in a scope of its own.
 *
 * An interface's handle is an rpc_if_rep_t, with a vector of functions that the runtime calls, one
 * for each operation. A scoped interface is a copy of it with another vector. The runtime tells such
 * a function neither the interface nor the operation that it is called for (the manager EPV, which
 * it does tell, may be one that the server gave when it registered the interface). So the functions
 * themselves must differ: there is a fixed number of them, the entries, and each knows its number.
 * An interface takes as many as it has operations, and the route of an entry says what it leads to.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <dce/rpc.h>
#include <dce/stubbase.h>

#include <dce/rpcexc.h>
#include <dce/rpcsts.h>

#include "stuballoc/rpc.h"

enum { ENTRIES = 1024, NAME = 32 };

struct interface {
  rpc_if_rep_t              rep; /* what the runtime knows */
  sa_if_handle              original;
  sa_scope_options          options;
  char                      name[NAME];
  rpc_v2_server_stub_proc_t entries[];
};

/* Set before the interface is registered, and so before the entry is called; never changed. */
struct route {
  struct interface         *interface;
  rpc_v2_server_stub_proc_t stub;
  unsigned                  operation;
};

/* What the runtime passes to an entry, and the entry to the stub. */
struct call {
  handle_t                binding;
  rpc_call_handle_t       handle;
  rpc_iovector_elt_p_t    input;
  ndr_format_p_t          format;
  rpc_transfer_syntax_p_t syntax;
  rpc_mgr_epv_t           manager;
  unsigned32             *status;
};

static struct route                routes[ENTRIES];
static _Atomic(unsigned)           routes_taken; /* relaxed: each number goes to one interface */
static _Atomic(sa_call_observer *) observer;

/* --- the request ------------------------------------------------------------------------------- */

/*
 * A request comes in one fragment or more, of which the runtime hands over the first; a stub receives
 * the others as it needs them. But once it has answered, by a fault or because there is more than it
 * wants, FreeDCE takes the next fragment for an event that cannot be, and aborts the program: any
 * client could end the server. So they are all received here first, and joined in the scope.
 */
struct request {
  char  *data; /* NULL: there is no memory for it */
  size_t length;
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

/* False: there is none any more, or `status` tells why. Neither for the end nor for a fragment without
 * data does the runtime give an address; but only at the end does it set `buff_dealloc`, to NULL. */
static bool
receive(const struct call *call, rpc_iovector_elt_t *fragment)
{
  do {
    *fragment = (rpc_iovector_elt_t){.buff_dealloc = free_joined};
    rpc_call_receive(call->handle, fragment, call->status);
  } while (*call->status == rpc_s_ok && !fragment->data_addr && fragment->buff_dealloc);
  return *call->status == rpc_s_ok && fragment->data_addr;
}

/* What is to be freed by the stub as if it came from the runtime. */
static void
hand_over(const struct request *request, rpc_iovector_elt_t *input)
{
  input->buff_dealloc = free_joined;
  input->buff_addr = input->data_addr = (byte_p_t)request->data;
  input->buff_len = input->data_len = (unsigned32)request->length;
}

/* Makes `input` the whole request. False: there can be no call. Where that is for want of memory, the
 * client is told so, as a stub would; else `status` tells why. */
static bool
receive_all(const struct call *call, sa_scope *scope)
{
  rpc_iovector_elt_t fragment;
  struct request     request = {NULL, 0};
  bool               more = receive(call, &fragment);
  if (scope && !more && *call->status == rpc_s_ok)
    return true;
  request.data = sa_scope_alloc(scope, STEP);
  append(&request, call->input);
  for (; more; more = receive(call, &fragment))
    append(&request, &fragment);
  if (*call->status != rpc_s_ok)
    return false;
  if (request.data)
    hand_over(&request, call->input);
  else
    rpc_ss_send_server_exception(call->handle, &rpc_x_no_memory);
  return request.data;
}

/* --- a call ------------------------------------------------------------------------------------ */

static void
observe(const struct route *route, sa_scope *scope)
{
  sa_call_observer *tell = atomic_load_explicit(&observer, memory_order_acquire);
  if (!tell)
    return;
  struct sa_scope_stats stats;
  sa_scope_get_stats(scope, &stats);
  tell(route->interface->original, route->operation, &stats);
}

/* The stub catches what its manager raises, but not what is raised while it sends that fault. */
static void
run(const struct route *route, const struct call *call)
{
  sa_scope *const scope = sa_scope_create(&route->interface->options);
  (void)sa_scope_enter(scope); /* needs no memory on the thread that created it */
  DCETHREAD_TRY
  {
    if (receive_all(call, scope))
      route->stub(call->binding, call->handle, call->input, call->format, call->syntax,
                  call->manager, call->status);
    if (scope)
      observe(route, scope);
  }
  DCETHREAD_FINALLY
  {
    if (scope && sa_scope_current() == scope) /* else destroy finds out how it was left */
      sa_scope_leave(scope);
    sa_scope_destroy(scope);
  }
  DCETHREAD_ENDTRY
}

/* --- the entries ------------------------------------------------------------------------------- */

/* clang-format off */
#define ENTRY(n)                                                                                   \
  static void entry_##n(handle_t binding, rpc_call_handle_t handle, rpc_iovector_elt_p_t input,    \
                        ndr_format_p_t format, rpc_transfer_syntax_p_t syntax,                     \
                        rpc_mgr_epv_t manager, unsigned32 *status)                                 \
  {                                                                                                \
    run(&routes[n], &(struct call){binding, handle, input, format, syntax, manager, status});      \
  }
#define ENTRY_NAME(n) entry_##n,

/* WHAT(0x000) WHAT(0x001) and so on to WHAT(0x3ff) */
#define EACH_OF_16(WHAT, n)                                                                        \
  WHAT(n##0) WHAT(n##1) WHAT(n##2) WHAT(n##3) WHAT(n##4) WHAT(n##5) WHAT(n##6) WHAT(n##7)          \
  WHAT(n##8) WHAT(n##9) WHAT(n##a) WHAT(n##b) WHAT(n##c) WHAT(n##d) WHAT(n##e) WHAT(n##f)
#define EACH_OF_256(WHAT, n)                                                                       \
  EACH_OF_16(WHAT, n##0) EACH_OF_16(WHAT, n##1) EACH_OF_16(WHAT, n##2) EACH_OF_16(WHAT, n##3)      \
  EACH_OF_16(WHAT, n##4) EACH_OF_16(WHAT, n##5) EACH_OF_16(WHAT, n##6) EACH_OF_16(WHAT, n##7)      \
  EACH_OF_16(WHAT, n##8) EACH_OF_16(WHAT, n##9) EACH_OF_16(WHAT, n##a) EACH_OF_16(WHAT, n##b)      \
  EACH_OF_16(WHAT, n##c) EACH_OF_16(WHAT, n##d) EACH_OF_16(WHAT, n##e) EACH_OF_16(WHAT, n##f)
#define EACH(WHAT)                                                                                 \
  EACH_OF_256(WHAT, 0x0) EACH_OF_256(WHAT, 0x1) EACH_OF_256(WHAT, 0x2) EACH_OF_256(WHAT, 0x3)

EACH(ENTRY)
/* clang-format on */

static const rpc_v2_server_stub_proc_t entries[ENTRIES] = {EACH(ENTRY_NAME)};

/* --- interfaces -------------------------------------------------------------------------------- */

/* The first of `count` entries that are free from now on taken; ENTRIES: there are not so many. */
static unsigned
take_entries(unsigned count)
{
  unsigned first = atomic_load_explicit(&routes_taken, memory_order_relaxed);
  do {
    if (count > ENTRIES - first)
      return ENTRIES;
  } while (!atomic_compare_exchange_weak_explicit(&routes_taken, &first, first + count,
                                                  memory_order_relaxed, memory_order_relaxed));
  return first;
}

static void
set_options(struct interface *interface, const sa_scope_options *options)
{
  if (options)
    interface->options = *options;
  const char *name = interface->options.name ? interface->options.name : "call";
  memcpy(interface->name, name, strnlen(name, NAME - 1));
  interface->options.name = interface->name;
  interface->options.flags |= SA_SCOPE_UNWIND; /* for a thread that ends in the middle of a call */
}

static void
set_routes(struct interface *interface, unsigned first)
{
  const rpc_if_rep_t *original = interface->original;
  for (unsigned i = 0; i < original->opcnt; i++) {
    routes[first + i] = (struct route){interface, original->server_epv[i], i};
    interface->entries[i] = entries[first + i];
  }
  interface->rep.server_epv = interface->entries;
}

sa_if_handle
sa_scoped_interface(sa_if_handle ifspec, const sa_scope_options *options)
{
  const rpc_if_rep_t *original = ifspec;
  if (!original || !original->server_epv) {
    errno = EINVAL;
    return NULL;
  }
  struct interface *interface = sa_calloc(1, sizeof *interface + original->opcnt * sizeof *entries);
  unsigned          first = interface ? take_entries(original->opcnt) : ENTRIES;
  if (first == ENTRIES) {
    sa_free(interface);
    errno = ENOMEM;
    return NULL;
  }
  interface->rep = *original;
  interface->original = ifspec;
  set_options(interface, options);
  set_routes(interface, first);
  return &interface->rep;
}

void
sa_observe_calls(sa_call_observer *to)
{
  atomic_store_explicit(&observer, to, memory_order_release);
}
