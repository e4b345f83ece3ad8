/*
 * Sixteen threads allocate, one frees, in random order, and the amount that lives stays the same:
 * how much is resident for it?
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "memory.h"
#include "random.h"
#include "ring.h"
#include "work.h"

enum {
  PRODUCERS = 16,
  DEPTH = 256, /* of the ring from each producer */
  WARM_UP = 8, /* how often everything is replaced before the first sample */
  SAMPLES = 100,
  SAMPLE_US = 20000,
  NAP_US = 100
};

static atomic_bool over;

struct producer {
  struct ring   ring;
  struct sizes  sizes;
  uint64_t      seed;
  atomic_size_t allocated; /* bytes; written by this producer */
};

struct freer {
  struct producer *producers;
  size_t           count;    /* blocks that live */
  uint32_t       **blocks;   /* each begins with its size */
  atomic_size_t    replaced; /* blocks; written by the freer, as is the next */
  atomic_size_t    freed;    /* bytes */
};

/* For a counter that only one thread writes. */
static void
add(atomic_size_t *counter, size_t by)
{
  size_t value = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

static bool
is_over(void)
{
  return atomic_load_explicit(&over, memory_order_relaxed);
}

static void *
produce(void *argument)
{
  struct producer *producer = argument;
  while (!is_over()) {
    size_t    size = random_size(&producer->seed, producer->sizes);
    uint32_t *block = malloc(size);
    memset(block, 1, size);
    *block = (uint32_t)size;
    add(&producer->allocated, size);
    while (!ring_put(&producer->ring, block) && !is_over())
      usleep(NAP_US);
  }
  return NULL;
}

static void
replace(struct freer *freer, uint32_t **place, uint32_t *block)
{
  if (*place) {
    add(&freer->freed, **place);
    free(*place);
  }
  *place = block;
  add(&freer->replaced, 1);
}

static void
take_from(struct freer *freer, struct producer *producer, uint64_t *seed)
{
  uint32_t *block;
  for (int i = 0; i < DEPTH && (block = ring_take(&producer->ring)); i++)
    replace(freer, &freer->blocks[random_next(seed) % freer->count], block);
}

static void *
free_at_random(void *argument)
{
  struct freer *freer = argument;
  uint64_t      seed = 1;
  while (!is_over()) {
    for (int i = 0; i < PRODUCERS; i++)
      take_from(freer, &freer->producers[i], &seed);
    sched_yield();
  }
  return NULL;
}

static size_t
live_bytes(struct freer *freer)
{
  size_t live = 0;
  for (int i = 0; i < PRODUCERS; i++)
    live += atomic_load(&freer->producers[i].allocated);
  return live - atomic_load(&freer->freed);
}

static void
sample(const struct work *work, struct freer *freer, size_t before)
{
  double sum = 0, most = 0;
  for (int i = 0; i < SAMPLES; i++) {
    usleep(SAMPLE_US);
    double share = ((double)resident() - (double)before) / (double)live_bytes(freer) * 100;
    sum += share;
    if (share > most)
      most = share;
  }
  report(work->name, "mean", "% of live", sum / SAMPLES);
  report(work->name, "most", "% of live", most);
}

void
steady(const struct work *work)
{
  struct freer *freer = bookkeeping(sizeof *freer);
  freer->producers = bookkeeping(PRODUCERS * sizeof *freer->producers);
  freer->count = (size_t)((double)work->live / random_size_mean(work->sizes));
  freer->blocks = bookkeeping(freer->count * sizeof *freer->blocks);
  for (unsigned i = 0; i < PRODUCERS; i++) {
    ring_init(&freer->producers[i].ring, DEPTH);
    freer->producers[i].sizes = work->sizes;
    freer->producers[i].seed = i + 1;
  }
  size_t before = resident();

  pthread_t threads[PRODUCERS + 1];
  for (int i = 0; i < PRODUCERS; i++)
    pthread_create(&threads[i], NULL, produce, &freer->producers[i]);
  pthread_create(&threads[PRODUCERS], NULL, free_at_random, freer);

  while (atomic_load(&freer->replaced) < WARM_UP * freer->count)
    usleep(SAMPLE_US);
  sample(work, freer, before);
  atomic_store(&over, true);
  for (int i = 0; i <= PRODUCERS; i++)
    pthread_join(threads[i], NULL);
}
