/*
 * The catalog's server, as the benchmark calls it:
 *
 *   rpc_server_MEMORY PROTOCOL [ENDPOINT]
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "memory.h"
#include "rpc_memory.h"
#include "runtime.h"

/* The manager's; that operation is not measured. */
void
memory_give_back(void *block)
{
  (void)block;
}

int
main(int argc, char **argv)
{
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s PROTOCOL [ENDPOINT]\n", argv[0]);
    return 2;
  }
  sa_if_handle ifspec = memory_interface(catalog_v1_0_s_ifspec);
  return runtime_serve(ifspec, argv[1], argv[2]) == DONE ? 0 : 1;
}
