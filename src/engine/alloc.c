/*
 * The two fast paths. doc/fast-path.md shows what a compiler makes of them; a test sees to it that
 * no locked instruction gets in.
 */
#include <errno.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/trace.h"
#include "engine/watch.h"
#include "os/os.h"

void *
sa_no_memory(void)
{
  errno = ENOMEM;
  return NULL;
}

static SA_ATTRIBUTE(noinline) void *alloc_from_slab(size_t size)
{
  if (sa_watched())
    return sa_watched_malloc(size);
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return sa_no_memory();
  void *block = sa_cache_refill(cache, sa_class_of(size));
  sa_cache_done(cache);
  return sa_block_out(block);
}

static SA_ATTRIBUTE(noinline) void *alloc_large(size_t size)
{
  if (sa_watched())
    return sa_watched_malloc(size);
  return sa_traced() ? sa_traced_malloc_slowly(size) : sa_large_alloc(size, SA_UNIT, false);
}

static SA_ATTRIBUTE(noinline) void *alloc_untraced(size_t size)
{
  if (sa_hardened)
    return sa_hardened_alloc(size);
  return sa_traced() ? sa_traced_malloc_slowly(size) : alloc_from_slab(size);
}

/* Out of line, so that the fast path saves no register; nor does a traced thread's. */
static SA_ATTRIBUTE(noinline) void *alloc_slowly(size_t size)
{
  struct sa_trace *trace = sa_my_trace;
  return trace ? sa_traced_malloc(trace, size) : alloc_untraced(size);
}

SA_IN_FREE_MEMORY void *
sa_malloc(size_t size)
{
  SA_ALONE(SA_IN_ENGINE, "sa_malloc");
  if (SA_UNLIKELY(size > SA_CLASS_MAX))
    return alloc_large(size);
  /* One table for all classes: a processor cannot foresee which of two a size would need. */
  struct sa_cache *cache = sa_self;
  struct sa_slab  *slab = cache->current[cache->classes.class_of[sa_granules(size)]];
  void            *block = slab->free;
  /* also when this thread has no cache or no such slab yet: see sa_no_cache */
  if (SA_UNLIKELY(!block))
    return alloc_slowly(size);
  slab->free = *(void **)block;
  sa_unpoison(block, slab->size);
  return sa_block_out(block);
}

static SA_ATTRIBUTE(noinline, cold) void freed_twice(void *block)
{
  sa_misuse("free", block, "this block is free already");
}

/* A block of one of this thread's current slabs. */
static inline SA_IN_FREE_MEMORY void
free_here(void *block, struct sa_slab *slab)
{
  /* The list's head is found from the block by arithmetic alone: a processor then forwards this
   * store to the next allocation's load at once, where a pointer on the way costs it 10 cycles. */
  void *next = slab->free;
  if (SA_UNLIKELY(next == block)) {
    freed_twice(block);
    return;
  }
  *(void **)block = next;
  slab->free = block;
  sa_poison(block, slab->size);
}

static inline bool
is_mine(const struct sa_slab *slab)
{
  return SA_LIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) == sa_os_thread());
}

/* A block in a unit that is not the first of one of this thread's current slabs. */
static SA_ATTRIBUTE(noinline) void free_elsewhere(void *block, struct sa_slab *slab)
{
  /* first, since it is what stubs free */
  if (SA_LIKELY(sa_slab_what(slab) == SA_LENT)) {
    sa_hooks_get()->free(block);
    return;
  }
  slab -= slab->lead;
  if (is_mine(slab)) {
    free_here(block, slab);
    return;
  }
  switch (sa_slab_what(slab)) {
  case SA_NOTHING:
    sa_misuse("free", block, "stuballoc did not give it out, or it was freed before");
    break;
  case SA_LARGE:
    sa_large_free(slab, block);
    break;
  case SA_LENT_LARGE:
    sa_hooks_get()->free_large(slab, block);
    break;
  default:
    sa_cache_free(slab, block);
  }
}

void
sa_free_any(void *block)
{
  if (!block)
    return;
  if (sa_watched()) {
    sa_watched_free(block);
    return;
  }
  struct sa_region *region = sa_region_of(block);
  void             *stand_in = region ? NULL : sa_stand_in(block);
  if (region)
    free_elsewhere(block, &region->slabs[sa_region_unit(region, block)]);
  else if (stand_in)
    sa_free(stand_in);
  else
    sa_misuse("free", block, "stuballoc did not give it out");
}

/* A block, or no block of ours, outside of the first region; in the hardened mode, and while a trace is
 * recorded, all are. */
static SA_ATTRIBUTE(noinline) void free_untraced(void *block)
{
  if (sa_hardened)
    sa_hardened_free(block);
  else if (sa_traced())
    sa_traced_free(sa_my_trace, block);
  else
    sa_free_any(block);
}

static SA_ATTRIBUTE(noinline) void free_outside(void *block)
{
  struct sa_trace *trace = sa_my_trace;
  if (trace)
    sa_traced_free(trace, block);
  else
    free_untraced(block);
}

void
sa_free(void *block)
{
  if (!sa_block_back(block))
    return;
  /* One compare for NULL, for every pointer that is not ours, and for the rare other regions. */
  size_t offset = (uintptr_t)block - sa_home_base;
  if (SA_UNLIKELY(offset >= sa_home_size)) {
    free_outside(block);
    return;
  }
  SA_ALONE(SA_IN_ENGINE, "sa_free");
  struct sa_slab *slab = sa_home_slabs + (offset >> SA_UNIT_SHIFT);
  /* Only current slabs name an owner, so one compare answers "is it mine?" and "is there nothing
   * to count?". */
  if (is_mine(slab))
    free_here(block, slab);
  else
    free_elsewhere(block, slab);
}
