/*
 * Server stubs for rpcrt4, each call in a scope of its own.
 *
 * An interface's handle is an RPC_SERVER_INTERFACE, with a table of functions that the runtime calls,
 * one for each operation. A scoped interface is a copy of it with another table. The message that such
 * a function gets names its interface and operation, so all entries of the table are the same function.
 *
 * What a manager raises unwinds the stack past that function, up to the runtime. A frame takes part in
 * that by a handler that the table of the module's functions names; GCC writes none for exceptions
 * that are not C++'s. So the frame from which the stub is called is written in assembler here.
 */
#include <errno.h>

#include <rpc.h>
#include <rpcndr.h>

#include "stub/scoped.h"

struct interface_copy {
  RPC_SERVER_INTERFACE         rep; /* what the runtime knows */
  RPC_DISPATCH_TABLE           table;
  const RPC_DISPATCH_FUNCTION *stubs;
  struct sa_scoped             scoped;
  RPC_DISPATCH_FUNCTION        entries[];
};

/* --- a call ------------------------------------------------------------------------------------ */

/* Calls a stub. `call` is for the handler, which finds it in the frame. */
void sa_rpcrt4_call_stub(RPC_MESSAGE *message, RPC_DISPATCH_FUNCTION stub,
                         struct sa_scoped_call *call);
enum { CALL_IN_FRAME = 32 };

__asm__("\t.text\n"
        "\t.globl sa_rpcrt4_call_stub\n"
        "\t.def sa_rpcrt4_call_stub; .scl 2; .type 32; .endef\n"
        "\t.seh_proc sa_rpcrt4_call_stub\n"
        "sa_rpcrt4_call_stub:\n"
        "\tsubq $40, %rsp\n"
        "\t.seh_stackalloc 40\n"
        "\t.seh_endprologue\n"
        "\tmovq %r8, 32(%rsp)\n" /* CALL_IN_FRAME; below it is what the stub may use */
        "\tcallq *%rdx\n"
        "\tnop\n" /* where the stub returns to is in this function's body */
        "\taddq $40, %rsp\n"
        "\tretq\n"
        "\t.seh_handler sa_rpcrt4_unwound, @unwind\n"
        "\t.seh_endproc\n");

/* The handler: the stack is being unwound past the stub. */
EXCEPTION_DISPOSITION sa_rpcrt4_unwound(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                        void *dispatcher);
EXCEPTION_DISPOSITION
sa_rpcrt4_unwound(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher)
{
  (void)record, (void)context, (void)dispatcher;
  sa_scoped_call_ends(*(struct sa_scoped_call **)((char *)frame + CALL_IN_FRAME), true);
  return ExceptionContinueSearch;
}

/* By its table, since the runtime may have copied the rest of the interface. */
static const struct interface_copy *
copy_of(const RPC_MESSAGE *message)
{
  const RPC_SERVER_INTERFACE *registered = message->RpcInterfaceInformation;
  return CONTAINING_RECORD(registered->DispatchTable, struct interface_copy, table);
}

static void __RPC_STUB
run(RPC_MESSAGE *message)
{
  const struct interface_copy *copy = copy_of(message);
  const unsigned               operation = message->ProcNum;
  struct sa_scoped_call        call;
  sa_scoped_call_begins(&call, &copy->scoped, operation);
  if (!call.scope) {
    sa_scoped_call_ends(&call, true);
    RpcRaiseException(RPC_S_OUT_OF_MEMORY);
  }
  sa_rpcrt4_call_stub(message, copy->stubs[operation], &call);
  sa_scoped_call_ends(&call, false);
}

/* --- interfaces -------------------------------------------------------------------------------- */

static void
set_table(struct interface_copy *copy, const RPC_DISPATCH_TABLE *original)
{
  copy->stubs = original->DispatchTable;
  for (unsigned i = 0; i < original->DispatchTableCount; i++)
    copy->entries[i] = run;
  copy->table = *original;
  copy->table.DispatchTable = copy->entries;
  copy->rep.DispatchTable = &copy->table;
}

static sa_if_handle
refuse(int error)
{
  errno = error;
  return NULL;
}

sa_if_handle
sa_scoped_interface(sa_if_handle ifspec, const sa_scope_options *options)
{
  const RPC_SERVER_INTERFACE *original = ifspec;
  if (!original || original->Length != sizeof *original || !original->DispatchTable)
    return refuse(EINVAL);
  /* its other tables, one for each syntax, stand where only MIDL and rpcrt4 know */
  if (original->Flags & RPCFLG_HAS_MULTI_SYNTAXES)
    return refuse(ENOTSUP);
  const unsigned         count = original->DispatchTable->DispatchTableCount;
  struct interface_copy *copy = sa_calloc(1, sizeof *copy + count * sizeof *copy->entries);
  if (!copy)
    return refuse(ENOMEM);
  copy->rep = *original;
  if (!sa_scoped_set(&copy->scoped, ifspec, count, options)) {
    sa_free(copy);
    return refuse(ENOMEM);
  }
  set_table(copy, original->DispatchTable);
  return &copy->rep;
}
