/*
 * Much memory is allocated and freed, and then nothing happens: how much is still resident two
 * seconds later, with no call to the allocator in between? In idle, another thread frees it, while
 * the one that allocated sleeps; in burst, one thread does both.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "memory.h"
#include "random.h"
#include "work.h"

struct heap {
  const struct work *work;
  void             **blocks;
  size_t             count;
  size_t             before; /* resident without the blocks */
  sem_t              filled, over;
};

static void
heap_init(struct heap *heap, const struct work *work)
{
  heap->work = work;
  heap->count = (size_t)((double)work->live / random_size_mean(work->sizes));
  heap->blocks = bookkeeping(heap->count * sizeof *heap->blocks);
  heap->before = resident();
}

static void
fill(struct heap *heap)
{
  uint64_t seed = 1;
  for (size_t i = 0; i < heap->count; i++) {
    size_t size = random_size(&seed, heap->work->sizes);
    heap->blocks[i] = malloc(size);
    memset(heap->blocks[i], 1, size);
  }
}

static void
empty(struct heap *heap)
{
  uint64_t seed = 1;
  if (heap->work->shuffled)
    random_shuffle(&seed, heap->blocks, heap->count);
  for (size_t i = 0; i < heap->count; i++)
    free(heap->blocks[i]);
}

static double
growth(const struct heap *heap)
{
  return (double)resident() - (double)heap->before;
}

static void
empty_and_report(struct heap *heap)
{
  double peak = growth(heap);
  empty(heap);
  sleep(2);
  double left = growth(heap);
  report(heap->work->name, "left", "% of peak", left / peak * 100);
  report(heap->work->name, "peak", "MiB", peak / (1 << 20));
}

static void *
fill_and_sleep(void *argument)
{
  struct heap *heap = argument;
  fill(heap);
  sem_post(&heap->filled);
  sem_wait(&heap->over);
  return NULL;
}

void
idle(const struct work *work)
{
  struct heap heap;
  heap_init(&heap, work);
  sem_init(&heap.filled, 0, 0);
  sem_init(&heap.over, 0, 0);

  pthread_t sleeper;
  pthread_create(&sleeper, NULL, fill_and_sleep, &heap);
  sem_wait(&heap.filled);
  empty_and_report(&heap);
  sem_post(&heap.over);
  pthread_join(sleeper, NULL);
}

void
burst(const struct work *work)
{
  struct heap heap;
  heap_init(&heap, work);
  fill(&heap);
  empty_and_report(&heap);
}
