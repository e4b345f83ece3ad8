/*
 * What the memory of one remote call costs in an APR pool.
 *
 * work_apr created WORKLOAD   a pool made for the call and destroyed after it
 * work_apr cleared WORKLOAD   one pool for all calls, emptied after each
 *
 * The workload is stub-call or stub-call written: a pool frees nothing by itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <string.h>

#include "measure.h"
#include "stub_call.h"

static inline void
allocate_all(apr_pool_t *pool, bool written)
{
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
    stub_call_block(apr_palloc(pool, stub_call_sizes[i]), i, written);
}

static inline void
create(size_t count, bool written)
{
  for (size_t i = 0; i < count; i++) {
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    allocate_all(pool, written);
    apr_pool_destroy(pool);
  }
}

static inline void
clear(apr_pool_t *pool, size_t count, bool written)
{
  for (size_t i = 0; i < count; i++) {
    allocate_all(pool, written);
    apr_pool_clear(pool);
  }
}

static void
write_created(void *unused, size_t count)
{
  (void)unused;
  create(count, true);
}

static void
touch_created(void *unused, size_t count)
{
  (void)unused;
  create(count, false);
}

static void
write_cleared(void *pool, size_t count)
{
  clear(pool, count, true);
}

static void
touch_cleared(void *pool, size_t count)
{
  clear(pool, count, false);
}

static measured *
body_of(const char *way, const char *workload)
{
  bool created = strcmp(way, "created") == 0;
  if (strcmp(workload, STUB_CALL_WRITTEN) == 0)
    return created ? write_created : write_cleared;
  return created ? touch_created : touch_cleared;
}

int
main(int argc, char **argv)
{
  apr_pool_t *pool;
  if (argc != 3)
    return 2;
  apr_initialize();
  apr_pool_create(&pool, NULL);
  report(argv[2], "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, body_of(argv[1], argv[2]), pool));
  apr_terminate();
}
