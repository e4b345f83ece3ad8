/*
 * A stub that catches what its manager raises, or what is raised while it unmarshals, has the runtime
 * send a fault, and then returns rpc_s_ok. All faults of the runtime go through one function, which it
 * calls as a program would, by name. So one of that name here, which is found first, takes note of it,
 * and hands on. It is found first where libstuballoc-freedce is linked before libdcerpc, as its
 * pkg-config file does it, or is in the program itself.
 *
 * Nothing else may be defined in this file by a name of the runtime's. It is weak, so that a libdcerpc
 * that is itself linked into the program keeps its own, and such faults are not noticed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stub/freedce_fault.h"

#include <dlfcn.h>

#include <dce/rpc.h>
#include <dce/rpcpvt.h>

#include "stuballoc.h"

_Thread_local bool sa_freedce_fault_sent;

typedef void transmit_fault(rpc_call_handle_t call, rpc_iovector_p_t fault, unsigned32 *status);

/* In the list of symbols it has libdcerpc's version, by which libdcerpc asks for it. */
SA_API __attribute__((weak)) void
rpc_call_transmit_fault(rpc_call_handle_t call, rpc_iovector_p_t fault, unsigned32 *status)
{
  transmit_fault *of_runtime = (transmit_fault *)dlsym(RTLD_NEXT, "rpc_call_transmit_fault");
  sa_freedce_fault_sent = true;
  of_runtime(call, fault, status);
}
