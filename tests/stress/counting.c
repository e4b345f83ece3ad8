/*
 * One thread counts all that there is, over and over, while others allocate and free in slabs of
 * their own and of each other's, in scopes, and come and go. It must not be led astray; and when all
 * have ended, nothing is left. SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <stuballoc/stats.h>

enum { THREADS = 3, PLACES = 512, GENERATIONS = 8, STEPS = 20000 };

static _Atomic(void *) places[PLACES];
static _Atomic(int)    working = THREADS; /* threads that have not ended */

static void *
work(void *argument)
{
  unsigned seed = (unsigned)(uintptr_t)argument;
  for (unsigned step = 0; step < STEPS; step++) {
    seed = seed * 1664525 + 1013904223;
    size_t size = (size_t)1 << (seed >> 24) % 18;
    sa_free(atomic_exchange(&places[(seed >> 8) % PLACES], sa_malloc(size)));
    if (step % 64 == 0) {
      sa_scope *scope = sa_scope_create(NULL);
      if (!sa_scope_alloc(scope, size))
        abort();
      sa_scope_destroy(scope);
    }
  }
  return NULL;
}

/* One thread after the other. */
static void *
generations(void *argument)
{
  for (uintptr_t i = 0; i < GENERATIONS; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, (void *)((uintptr_t)argument * GENERATIONS + i));
    pthread_join(thread, NULL);
  }
  atomic_fetch_sub(&working, 1);
  return NULL;
}

static void
ignore(void *context, const char *text, size_t length)
{
  (void)context, (void)text, (void)length;
}

/* No figure can be more than all that is mapped, or what was mapped before. */
static int
is_sane(void)
{
  sa_stats stats = {.size = sizeof stats};
  return sa_get_stats(&stats) == 0 && stats.live <= 2 * stats.reserved
         && stats.cached <= 2 * stats.reserved && stats.mapped <= stats.reserved
         && sa_write_stats(SA_STATS_JSON, ignore, NULL) == 0;
}

int
main(void)
{
  pthread_t threads[THREADS];
  unsigned  counts = 0, sane = 0;
  sa_stats  before = {.size = sizeof before}, after = before;
  if (sa_get_stats(&before) != 0)
    return 1;
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, generations, (void *)i);
  for (; atomic_load(&working) > 0; counts++)
    sane += is_sane() ? 1 : 0;
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  printf("%sok 1 - %u counts beside %d threads\n", sane == counts && counts > 0 ? "" : "not ",
         counts, THREADS);
  for (unsigned i = 0; i < PLACES; i++)
    sa_free(places[i]);
  if (sa_get_stats(&after) != 0)
    return 1;
  printf("%sok 2 - nothing is left\n",
         after.live == before.live && after.live_blocks == before.live_blocks ? "" : "not ");
  printf("1..2\n");
}
