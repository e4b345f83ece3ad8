/*
 * What the memory of one remote call costs in a scope.
 *
 * work_scope created WORKLOAD   a scope made for the call and destroyed after it
 * work_scope one|two WORKLOAD   one scope for all calls of so many threads, each of which frees its
 *                               blocks; the time for a call, of those that they make together
 * work_scope apart WORKLOAD     the same of two threads with a scope each: what the machine allows
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stuballoc.h>

#include "measure.h"
#include "processor.h"
#include "stub_call.h"

static inline void *
allocate(sa_scope *scope, size_t i, bool written)
{
  return stub_call_block(sa_scope_alloc(scope, stub_call_sizes[i]), i, written);
}

static sa_scope *
begin(void)
{
  sa_scope *scope = sa_scope_create(NULL);
  if (sa_scope_enter(scope) != 0)
    abort();
  return scope;
}

static void
end(sa_scope *scope)
{
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

static inline void
calls(size_t count, bool written)
{
  for (size_t n = 0; n < count; n++) {
    sa_scope *scope = begin();
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
      allocate(scope, i, written);
    end(scope);
  }
}

static void
written(void *unused, size_t count)
{
  (void)unused;
  calls(count, true);
}

static void
touched(void *unused, size_t count)
{
  (void)unused;
  calls(count, false);
}

static void
halved(void *unused, size_t count)
{
  (void)unused;
  for (size_t n = 0; n < count; n++) {
    void     *blocks[STUB_CALL_BLOCKS];
    sa_scope *scope = begin();
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
      blocks[i] = allocate(scope, i, false);
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i += 2)
      sa_free(blocks[i]);
    end(scope);
  }
}

static measured *
body_of(const char *workload)
{
  if (strcmp(workload, STUB_CALL_HALVED) == 0)
    return halved;
  return strcmp(workload, STUB_CALL_WRITTEN) == 0 ? written : touched;
}

/* --- several threads -------------------------------------------------------------------------- */

enum { MOST_THREADS = 2 };

struct part {
  sa_scope *scope; /* NULL: one of its own */
  size_t    count;
};

static void
call_inside(sa_scope *scope, size_t count)
{
  for (size_t n = 0; n < count; n++) {
    void *blocks[STUB_CALL_BLOCKS];
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
      blocks[i] = allocate(scope, i, false);
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
      sa_free(blocks[i]);
  }
}

static void *
take_part(void *argument)
{
  struct part *part = argument;
  sa_scope    *scope = part->scope ? part->scope : sa_scope_create(NULL);
  if (sa_scope_enter(scope) != 0)
    abort();
  call_inside(scope, part->count);
  sa_scope_leave(scope);
  if (!part->scope)
    sa_scope_destroy(scope);
  return NULL;
}

struct company {
  unsigned threads;
  bool     apart;
};

static void
work_together(void *argument, size_t count)
{
  const struct company *company = argument;
  const unsigned        threads = company->threads;
  pthread_t             others[MOST_THREADS];
  struct part           parts[MOST_THREADS];
  sa_scope             *scope = company->apart ? NULL : sa_scope_create(NULL);
  for (unsigned i = 0; i < threads; i++)
    parts[i] = (struct part){.scope = scope, .count = count / threads + 1};
  use_processor(0);
  for (unsigned i = 1; i < threads; i++)
    start_on_processor(i, &others[i], take_part, &parts[i]);
  take_part(&parts[0]);
  for (unsigned i = 1; i < threads; i++)
    pthread_join(others[i], NULL);
  sa_scope_destroy(scope);
}

int
main(int argc, char **argv)
{
  if (argc != 3)
    return 2;
  struct company company = {.threads = strcmp(argv[1], "one") == 0 ? 1 : 2,
                            .apart = strcmp(argv[1], "apart") == 0};
  if (strcmp(argv[1], "created") == 0)
    report(argv[2], "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, body_of(argv[2]), NULL));
  else
    report(argv[2], "", "ns", measure(CLOCK_MONOTONIC, work_together, &company));
}
