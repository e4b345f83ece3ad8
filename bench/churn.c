/* Threads in a row, each of which allocates a little, frees it, and is gone. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "measure.h"
#include "random.h"
#include "work.h"

enum { BLOCKS = 256 };

struct plan {
  uint32_t size[BLOCKS];
};

static void *
short_life(void *argument)
{
  struct plan *plan = argument;
  char        *blocks[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = malloc(plan->size[i]);
    *blocks[i] = 1;
  }
  for (size_t i = 0; i < BLOCKS; i++)
    free(blocks[i]);
  return NULL;
}

static void
lives(void *plan, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, short_life, plan);
    pthread_join(thread, NULL);
  }
}

void
churn(const struct work *work)
{
  uint64_t    seed = 1;
  struct plan plan;
  for (size_t i = 0; i < BLOCKS; i++)
    plan.size[i] = (uint32_t)random_size(&seed, work->sizes);
  report(work->name, "", "ns", measure(CLOCK_MONOTONIC, lives, &plan));
}
