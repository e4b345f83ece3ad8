/* One thread allocates blocks, another frees them: nothing is freed where it was allocated. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "measure.h"
#include "processor.h"
#include "random.h"
#include "ring.h"
#include "work.h"

enum {
  PLAN = 4096,  /* sizes, used over and over */
  PATIENCE = 64 /* looks at the ring before the processor is offered to the other thread */
};

struct handoff {
  struct ring ring;
  uint32_t    size[PLAN];
  atomic_bool over;
};

static void
wait_a_little(unsigned *looks)
{
  if (++*looks % PATIENCE == 0)
    sched_yield();
}

/* False when it is over. */
static bool
hand_over(struct handoff *handoff, char *block)
{
  for (unsigned looks = 0; !ring_put(&handoff->ring, block); wait_a_little(&looks))
    if (atomic_load_explicit(&handoff->over, memory_order_relaxed))
      return false;
  return true;
}

static void *
produce(void *argument)
{
  struct handoff *handoff = argument;
  for (size_t i = 0;; i++) {
    char *block = malloc(handoff->size[i % PLAN]);
    *block = 1;
    if (!hand_over(handoff, block))
      return block;
  }
}

static void
consume(void *argument, size_t count)
{
  struct handoff *handoff = argument;
  for (size_t i = 0; i < count; i++) {
    char *block;
    for (unsigned looks = 0; !(block = ring_take(&handoff->ring));)
      wait_a_little(&looks);
    if (*block != 1)
      abort();
    free(block);
  }
}

void
handoff(const struct work *work)
{
  uint64_t        seed = 1;
  struct handoff *shared = bookkeeping(sizeof *shared);
  ring_init(&shared->ring, work->depth);
  for (size_t i = 0; i < PLAN; i++)
    shared->size[i] = (uint32_t)random_size(&seed, work->sizes);

  pthread_t producer;
  use_processor(0);
  start_on_processor(1, &producer, produce, shared);
  report(work->name, "", "ns", measure(CLOCK_MONOTONIC, consume, shared));
  atomic_store(&shared->over, true);
  pthread_join(producer, NULL);
}
