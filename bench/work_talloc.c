/*
 * What the memory of one remote call costs in a talloc pool.
 *
 * work_talloc created WORKLOAD   a pool made for the call and destroyed after it
 * work_talloc cleared WORKLOAD   one pool for all calls, emptied after each
 * work_talloc plain WORKLOAD     no pool: a context made for the call, freed after it with all in it
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <talloc.h>

#include "measure.h"
#include "stub_call.h"

enum { POOL = 16384 }; /* the blocks of a call and talloc's header of each fit in */

/* Here a look at what to do costs little beside what is done. */
struct call {
  bool        written, halved;
  TALLOC_CTX *pool; /* to be cleared */
};

static void
one_call(TALLOC_CTX *context, const struct call *call)
{
  void *blocks[STUB_CALL_BLOCKS];
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
    blocks[i] = stub_call_block(talloc_size(context, stub_call_sizes[i]), i, call->written);
  for (size_t i = 0; call->halved && i < STUB_CALL_BLOCKS; i += 2)
    talloc_free(blocks[i]);
}

static void
create(void *call, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    TALLOC_CTX *pool = talloc_pool(NULL, POOL);
    one_call(pool, call);
    talloc_free(pool);
  }
}

static void
clear(void *argument, size_t count)
{
  struct call *call = argument;
  for (size_t i = 0; i < count; i++) {
    one_call(call->pool, call);
    talloc_free_children(call->pool);
  }
}

static void
plain(void *call, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    TALLOC_CTX *context = talloc_new(NULL);
    one_call(context, call);
    talloc_free(context);
  }
}

static measured *
body_of(const char *way)
{
  return strcmp(way, "created") == 0 ? create : strcmp(way, "cleared") == 0 ? clear : plain;
}

int
main(int argc, char **argv)
{
  if (argc != 3)
    return 2;
  struct call call = {
    .written = strcmp(argv[2], STUB_CALL_WRITTEN) == 0,
    .halved = strcmp(argv[2], STUB_CALL_HALVED) == 0,
    .pool = talloc_pool(NULL, POOL),
  };
  report(argv[2], "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, body_of(argv[1]), &call));
}
