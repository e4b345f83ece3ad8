/* Allocate 256 blocks of random sizes, touch each, then free them all, in order or not. */
#include <stdint.h>
#include <stdlib.h>

#include "measure.h"
#include "memory.h"
#include "random.h"
#include "work.h"

enum {
  BLOCKS = 256, /* in a batch */
  PLANS = 64,   /* different batches, more than a branch predictor learns by heart */
};

/* Which sizes to allocate, and in which order to free them. */
struct plan {
  uint32_t size[BLOCKS];
  uint32_t order[BLOCKS];
};

static void
make_plan(struct plan *plan, const struct work *work, uint64_t *seed)
{
  void *order[BLOCKS];
  for (uintptr_t i = 0; i < BLOCKS; i++)
    order[i] = (void *)i;
  if (work->shuffled)
    random_shuffle(seed, order, BLOCKS);
  for (size_t i = 0; i < BLOCKS; i++) {
    plan->size[i] = (uint32_t)random_size(seed, work->sizes);
    plan->order[i] = (uint32_t)(uintptr_t)order[i];
  }
}

static void
run_plan(const struct plan *plan)
{
  char *blocks[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = malloc(plan->size[i]);
    *blocks[i] = 1;
  }
  for (size_t i = 0; i < BLOCKS; i++)
    free(blocks[plan->order[i]]);
}

static void
batches(void *plans, size_t count)
{
  for (size_t i = 0; i < count; i++)
    run_plan((struct plan *)plans + i % PLANS);
}

void
batch(const struct work *work)
{
  uint64_t     seed = 1;
  struct plan *plans = bookkeeping(PLANS * sizeof *plans);
  for (size_t i = 0; i < PLANS; i++)
    make_plan(&plans[i], work, &seed);
  report(work->name, "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, batches, plans) / BLOCKS);
}
