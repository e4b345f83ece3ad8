/*
 * A bounded queue from one thread to one other.
 *
 * Each end counts on in private and tells the other only once in RING_STEP blocks, or when it has
 * to wait; each looks at the other's count only when what it last saw there is used up. So the
 * ends seldom touch each other's cache line, and a measured time is the allocator's.
 */
#ifndef RING_H
#define RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "memory.h"

enum { RING_STEP = 16 };

struct ring_end {
  alignas(64) size_t done;        /* blocks so far; this end's own */
  size_t seen;                    /* what this end last saw of the other's `told` */
  alignas(64) atomic_size_t told; /* `done` as the other end may know it */
};

struct ring {
  struct ring_end putter, taker;
  void          **slots;
  size_t          depth; /* a power of two, more than RING_STEP */
};

static inline void
ring_init(struct ring *ring, size_t depth)
{
  *ring = (struct ring){.slots = bookkeeping(depth * sizeof(void *)), .depth = depth};
}

static inline void
ring_tell(struct ring_end *end)
{
  atomic_store_explicit(&end->told, end->done, memory_order_release);
}

static inline void
ring_look(struct ring_end *end, struct ring_end *other)
{
  ring_tell(end);
  end->seen = atomic_load_explicit(&other->told, memory_order_acquire);
}

static inline void
ring_step(struct ring_end *end)
{
  if (++end->done % RING_STEP == 0)
    ring_tell(end);
}

/* False when the ring is full. */
static inline bool
ring_put(struct ring *ring, void *block)
{
  struct ring_end *end = &ring->putter;
  if (end->done - end->seen == ring->depth) {
    ring_look(end, &ring->taker);
    if (end->done - end->seen == ring->depth)
      return false;
  }
  ring->slots[end->done & (ring->depth - 1)] = block;
  ring_step(end);
  return true;
}

/* NULL when the ring is empty. */
static inline void *
ring_take(struct ring *ring)
{
  struct ring_end *end = &ring->taker;
  if (end->done == end->seen) {
    ring_look(end, &ring->putter);
    if (end->done == end->seen)
      return NULL;
  }
  void *block = ring->slots[end->done & (ring->depth - 1)];
  ring_step(end);
  return block;
}

#endif /* RING_H */
