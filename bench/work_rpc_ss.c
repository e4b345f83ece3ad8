/*
 * What the memory of one remote call costs in FreeDCE's rpc_ss package.
 *
 * work_rpc_ss enabled WORKLOAD   enabled for the call and disabled after it
 *
 * FreeDCE's rpc_ss_enable_allocate does not say where the memory is to come from, and the first
 * allocation would jump to nowhere; so that is said here.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dce/rpc.h>
#include <dce/stubbase.h>
#include <stdlib.h>

#include "measure.h"
#include "stub_call.h"

struct call {
  bool written, halved;
};

static rpc_void_p_t
allocate(idl_size_t size)
{
  return malloc(size);
}

static void
enable(void)
{
  rpc_ss_enable_allocate();
  rpc_ss_thread_support_ptrs_t *thread = rpc_ss_get_thread_handle();
  thread->p_mem_h->alloc = allocate;
  thread->p_mem_h->free = free;
}

static void
calls(void *argument, size_t count)
{
  const struct call *call = argument;
  for (size_t n = 0; n < count; n++) {
    void *blocks[STUB_CALL_BLOCKS];
    enable();
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++) {
      void *block = rpc_ss_allocate((idl_size_t)stub_call_sizes[i]);
      blocks[i] = stub_call_block(block, i, call->written);
    }
    for (size_t i = 0; call->halved && i < STUB_CALL_BLOCKS; i += 2)
      rpc_ss_free(blocks[i]);
    rpc_ss_disable_allocate();
  }
}

int
main(int argc, char **argv)
{
  if (argc != 3)
    return 2;
  struct call call = {
    .written = strcmp(argv[2], STUB_CALL_WRITTEN) == 0,
    .halved = strcmp(argv[2], STUB_CALL_HALVED) == 0,
  };
  report(argv[2], "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, calls, &call));
}
