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

#include <dce/rpc.h>
#include <dce/stubbase.h>

#include <dce/rpcsts.h>

#include "stub/freedce_fault.h"
#include "stub/freedce_request.h"
#include "stub/scoped.h"

enum { ENTRIES = 1024 };

struct interface {
  rpc_if_rep_t              rep; /* what the runtime knows */
  struct sa_scoped          scoped;
  rpc_v2_server_stub_proc_t entries[];
};

/* Set before the interface is registered, and so before the entry is called; never changed. */
struct route {
  struct interface         *interface;
  rpc_v2_server_stub_proc_t stub;
  unsigned                  operation;
};

static struct route      routes[ENTRIES];
static _Atomic(unsigned) routes_taken; /* relaxed: each number goes to one interface */

/* --- a call ------------------------------------------------------------------------------------ */

static void
serve(const struct route *route, const struct sa_freedce_call *call, sa_scope *scope,
      volatile bool *fault)
{
  if (!sa_freedce_receive(call, scope))
    return;
  route->stub(call->binding, call->handle, call->input, call->format, call->syntax, call->manager,
              call->status);
  *fault = *call->status != rpc_s_ok || sa_freedce_fault_sent;
}

/* The stub catches what its manager raises, but not what is raised while it sends that fault. This is
 * DCETHREAD_TRY and _FINALLY, but that it does not save the signal mask, a system call in each call: what
 * is caught is raised again, for one who has saved it. */
static void
run(const struct route *route, const struct sa_freedce_call *call)
{
  struct sa_scoped_call scoped;
  volatile bool         fault = true; /* until the stub says otherwise */
  volatile bool         raised = false;
  dcethread_frame       frame;
  sa_freedce_fault_sent = false;
  sa_scoped_call_begins(&scoped, &route->interface->scoped, route->operation);
  dcethread_frame_push(&frame);
  if (sigsetjmp(((struct _dcethread_frame *)&frame)->jmpbuf, 0) == 0)
    serve(route, call, scoped.scope, &fault);
  else
    raised = true;
  dcethread_frame_pop(&frame);
  sa_scoped_call_ends(&scoped, fault);
  if (raised)
    dcethread_exc_raise((dcethread_exc *)&frame.exc, (const char *)frame.file, frame.line);
}

/* --- the entries ------------------------------------------------------------------------------- */

/* clang-format off */
#define ENTRY(n)                                                                                   \
  static void entry_##n(handle_t binding, rpc_call_handle_t handle, rpc_iovector_elt_p_t input,    \
                        ndr_format_p_t format, rpc_transfer_syntax_p_t syntax,                     \
                        rpc_mgr_epv_t manager, unsigned32 *status)                                 \
  {                                                                                                \
    run(&routes[n], &(struct sa_freedce_call){binding, handle, input, format, syntax, manager,     \
                                              status});                                            \
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
set_routes(struct interface *interface, const rpc_if_rep_t *original, unsigned first)
{
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
  if (!sa_scoped_set(&interface->scoped, ifspec, original->opcnt, options)) {
    sa_free(interface); /* its entries lead nowhere, and nobody calls them */
    errno = ENOMEM;
    return NULL;
  }
  set_routes(interface, original, first);
  return &interface->rep;
}
