/*
 * What the memory of one remote call costs in an APR pool.
 *
 * work_apr created   a pool made for the call and destroyed after it
 * work_apr cleared   one pool for all calls, emptied after each
 *
 * SPDX-License-Identifier: MIT
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <string.h>

#include "measure.h"
#include "stub_call.h"

static void
fill(apr_pool_t *pool)
{
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
    memset(apr_palloc(pool, stub_call_sizes[i]), 1, stub_call_sizes[i]);
}

static void
create(void *unused, size_t count)
{
  (void)unused;
  for (size_t i = 0; i < count; i++) {
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    fill(pool);
    apr_pool_destroy(pool);
  }
}

static void
clear(void *pool, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    fill(pool);
    apr_pool_clear(pool);
  }
}

int
main(int argc, char **argv)
{
  apr_pool_t *pool;
  apr_initialize();
  apr_pool_create(&pool, NULL);
  if (argc == 2 && strcmp(argv[1], "created") == 0)
    report("stub-call", "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, create, NULL));
  else
    report("stub-call", "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, clear, pool));
  apr_terminate();
}
