/*
 * The example by which the Concurrency Runtime documents its Alloc and Free: an array of small heap
 * objects is reversed in parallel, each swap going through an allocated temporary.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>

#include "measure.h"
#include "memory.h"
#include "processor.h"
#include "work.h"

enum { OBJECTS = 1 << 16 };

/* The helper thread takes the outer half of the swaps, the thread that measures the inner half. */
struct reversal {
  uint64_t **objects;
  size_t     helper_count; /* how often the helper reverses; 0 ends it */
  sem_t      go, gone;
};

static void
swap_through_temporary(uint64_t *a, uint64_t *b)
{
  uint64_t *temporary = malloc(sizeof *temporary);
  *temporary = *a;
  *a = *b;
  *b = *temporary;
  free(temporary);
}

static void
reverse_part(uint64_t **objects, size_t from, size_t to, size_t count)
{
  for (size_t pass = 0; pass < count; pass++)
    for (size_t i = from; i < to; i++)
      swap_through_temporary(objects[i], objects[OBJECTS - 1 - i]);
}

static void *
helper(void *argument)
{
  struct reversal *reversal = argument;
  for (;;) {
    sem_wait(&reversal->go);
    if (reversal->helper_count == 0)
      return NULL;
    reverse_part(reversal->objects, 0, OBJECTS / 4, reversal->helper_count);
    sem_post(&reversal->gone);
  }
}

static void
tell_helper(struct reversal *reversal, size_t count)
{
  reversal->helper_count = count;
  sem_post(&reversal->go);
}

static void
reverse_in_parallel(void *argument, size_t count)
{
  struct reversal *reversal = argument;
  tell_helper(reversal, count);
  reverse_part(reversal->objects, OBJECTS / 4, OBJECTS / 2, count);
  sem_wait(&reversal->gone);
}

void
reverse(const struct work *work)
{
  struct reversal reversal = {.objects = bookkeeping(OBJECTS * sizeof(uint64_t *))};
  for (size_t i = 0; i < OBJECTS; i++) {
    reversal.objects[i] = malloc(work->sizes.most);
    *reversal.objects[i] = i;
  }
  sem_init(&reversal.go, 0, 0);
  sem_init(&reversal.gone, 0, 0);

  pthread_t thread;
  use_processor(0);
  start_on_processor(1, &thread, helper, &reversal);
  double pass_ns = measure(CLOCK_MONOTONIC, reverse_in_parallel, &reversal);
  tell_helper(&reversal, 0);
  pthread_join(thread, NULL);

  report(work->name, "", "ns", pass_ns / (OBJECTS / 2));
}
