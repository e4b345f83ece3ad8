/*
 * What the memory of one remote call costs in a scope.
 *
 * work_scope created WORKLOAD   a scope made for the call and destroyed after it
 * work_scope one|two WORKLOAD   one scope for all calls of so many threads, each of which frees its
 *                               blocks; the time for a call, of those that they make together
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stuballoc.h>

#include "measure.h"
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
untouched(void *unused, size_t count)
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
      blocks[i] = allocate(scope, i, true);
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
  return strcmp(workload, STUB_CALL_UNTOUCHED) == 0 ? untouched : written;
}

/* --- one scope for several threads ------------------------------------------------------------ */

enum { MOST_THREADS = 2 };

struct part {
  sa_scope *scope;
  size_t    count;
};

static void *
take_part(void *argument)
{
  struct part *part = argument;
  if (sa_scope_enter(part->scope) != 0)
    abort();
  for (size_t n = 0; n < part->count; n++) {
    void *blocks[STUB_CALL_BLOCKS];
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
      blocks[i] = allocate(part->scope, i, true);
    for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
      sa_free(blocks[i]);
  }
  sa_scope_leave(part->scope);
  return NULL;
}

static void
share(void *argument, size_t count)
{
  const unsigned threads = *(const unsigned *)argument;
  pthread_t      others[MOST_THREADS];
  struct part    part = {.scope = sa_scope_create(NULL), .count = count / threads + 1};
  for (unsigned i = 1; i < threads; i++)
    if (pthread_create(&others[i], NULL, take_part, &part) != 0)
      abort();
  take_part(&part);
  for (unsigned i = 1; i < threads; i++)
    pthread_join(others[i], NULL);
  sa_scope_destroy(part.scope);
}

int
main(int argc, char **argv)
{
  if (argc != 3)
    return 2;
  unsigned threads = strcmp(argv[1], "two") == 0 ? 2 : 1;
  if (strcmp(argv[1], "created") == 0)
    report(argv[2], "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, body_of(argv[2]), NULL));
  else
    report(argv[2], "", "ns", measure(CLOCK_MONOTONIC, share, &threads));
}
