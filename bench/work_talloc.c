/*
 * What the memory of one remote call costs in a talloc pool.
 *
 * work_talloc created   a pool made for the call and destroyed after it
 * work_talloc cleared   one pool for all calls, emptied after each
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <talloc.h>

#include "measure.h"
#include "stub_call.h"

enum { POOL = 16384 }; /* the blocks of a call and talloc's header of each fit in */

static void
fill(TALLOC_CTX *pool)
{
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
    memset(talloc_size(pool, stub_call_sizes[i]), 1, stub_call_sizes[i]);
}

static void
create(void *unused, size_t count)
{
  (void)unused;
  for (size_t i = 0; i < count; i++) {
    TALLOC_CTX *pool = talloc_pool(NULL, POOL);
    fill(pool);
    talloc_free(pool);
  }
}

static void
clear(void *pool, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    fill(pool);
    talloc_free_children(pool);
  }
}

int
main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "created") == 0)
    report("stub-call", "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, create, NULL));
  else
    report("stub-call", "", "ns",
           measure(CLOCK_PROCESS_CPUTIME_ID, clear, talloc_pool(NULL, POOL)));
}
