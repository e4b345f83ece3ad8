/*
 * Threads allocate, resize, free and hand blocks to each other through shared places at random;
 * each block is filled with what only it may hold, checked before it is resized or freed. Who exits
 * leaves some of its blocks to the others.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdatomic.h>

#include "exchange.h"

enum { PLACES = 512, OWN = 128 };

struct own {
  struct head *blocks[OWN];
};

static _Atomic(struct head *) places[PLACES];

static size_t
random_size(uint64_t *random)
{
  unsigned most = below(random, 2000) == 0 ? 6000000
                  : below(random, 64) == 0 ? 400000
                  : below(random, 8) == 0  ? 40000
                                           : 1500;
  return sizeof(struct head) + below(random, most);
}

static void *
allocate(size_t size, uint64_t *random)
{
  switch (below(random, 8)) {
  case 0:
    return sa_calloc(size, 1);
  case 1:
    return sa_aligned_alloc((size_t)16 << below(random, 10), size);
  default:
    return sa_malloc(size);
  }
}

static struct head *
make(uint64_t *random)
{
  size_t       size = random_size(random);
  struct head *block = allocate(size, random);
  if (!block)
    fail("no memory");
  fill(block, size, next_random(random));
  return block;
}

static struct head *
resize(struct head *block, uint64_t *random)
{
  size_t size = random_size(random);
  size_t kept = size < block->size ? size : block->size;
  block = sa_realloc(block, size);
  if (!block)
    fail("no memory");
  check(block, kept);
  fill(block, size, next_random(random));
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
step(void *argument, uint64_t *random)
{
  struct own   *own = argument;
  struct head **mine = &own->blocks[below(random, OWN)];
  switch (below(random, 4)) {
  case 0:
    drop(*mine);
    *mine = make(random);
    break;
  case 1:
    if (*mine)
      *mine = resize(*mine, random);
    break;
  default: /* swap with what another thread has left */
    *mine = atomic_exchange(&places[below(random, PLACES)], *mine);
  }
}

void
exchange_leave(struct head *block, uint64_t *random)
{
  drop(atomic_exchange(&places[below(random, PLACES)], block));
}

static void
end(void *argument, uint64_t *random)
{
  struct own *own = argument;
  for (unsigned i = 0; i < OWN; i++)
    exchange_leave(own->blocks[i], random);
}

static void
clear(void)
{
  for (unsigned i = 0; i < PLACES; i++) {
    drop(places[i]);
    places[i] = NULL;
  }
}

const struct part exchange_part = {"blocks handed between threads stay whole", sizeof(struct own),
                                   step, end, clear};
