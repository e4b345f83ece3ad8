/*
 * Threads allocate, resize, free and hand blocks to each other through shared places at random;
 * each block is filled with what only it may hold, checked before it is resized or freed. Half of
 * the threads exit early and are replaced, leaving their blocks to the others.
 *
 * Usage: exchange [steps]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marked.h"

enum { THREADS = 4, GENERATIONS = 6, PLACES = 512, OWN = 128 };

static _Atomic(struct head *) places[PLACES];
static unsigned long          steps = 20000;

static uint64_t
next_random(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static size_t
random_size(uint64_t *state)
{
  uint64_t random = next_random(state);
  size_t   most = random % 64 == 0 ? 400000 : random % 8 == 0 ? 40000 : 1500;
  return sizeof(struct head) + (random >> 8) % most;
}

static struct head *
make(uint64_t *state)
{
  size_t       size = random_size(state);
  struct head *block = sa_malloc(size);
  if (!block)
    fail("no memory");
  fill(block, size, next_random(state));
  return block;
}

static struct head *
resize(struct head *block, uint64_t *state)
{
  size_t size = random_size(state);
  size_t kept = size < block->size ? size : block->size;
  block = sa_realloc(block, size);
  if (!block)
    fail("no memory");
  check(block, kept);
  fill(block, size, next_random(state));
  return block;
}

static void
drop(struct head *block)
{
  if (!block)
    return;
  check(block, block->size);
  sa_free(block);
}

static void
step(struct head **own, uint64_t *state)
{
  uint64_t      random = next_random(state);
  struct head **mine = &own[random % OWN];
  switch (random >> 32 & 3) {
  case 0:
    drop(*mine);
    *mine = make(state);
    break;
  case 1:
    if (*mine)
      *mine = resize(*mine, state);
    break;
  default: /* swap with what another thread has left */
    *mine = atomic_exchange(&places[(random >> 16) % PLACES], *mine);
  }
}

static void *
work(void *seed)
{
  struct head *own[OWN] = {NULL};
  uint64_t     state = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15u;
  for (unsigned long i = 0; i < steps; i++)
    step(own, &state);
  for (size_t i = 0; i < OWN; i++)
    drop(own[i]);
  return NULL;
}

int
main(int argc, char **argv)
{
  if (argc > 1)
    steps = strtoul(argv[1], NULL, 10);
  uintptr_t seed = 0;
  for (int generation = 0; generation < GENERATIONS; generation++) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
      pthread_create(&threads[i], NULL, work, (void *)++seed);
    for (int i = 0; i < THREADS; i++)
      pthread_join(threads[i], NULL);
    if (generation % 2)
      sa_trim();
  }
  for (size_t i = 0; i < PLACES; i++)
    drop(places[i]);
  puts("1..1\nok 1 - blocks handed between threads stay whole");
  return 0;
}
