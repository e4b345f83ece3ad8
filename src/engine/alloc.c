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

void *
sa_alloc_from_slab(size_t size)
{
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

/* --- what is behind the fast paths ------------------------------------------------------------- */

/* Where a call goes that a fast path cannot serve. Which one it is depends on the mode, so the modes
 * cost the fast paths nothing, and each other neither. */
struct detours {
  void *(*alloc)(size_t size); /* up to SA_CLASS_MAX */
  void (*free)(void *block);   /* any that is not in the first region, or not said to be there */
};

static void *alloc_first(size_t size);
static void  free_first(void *block);

static const struct detours not_known = {.alloc = alloc_first, .free = free_first};
static const struct detours plain = {.alloc = sa_alloc_from_slab, .free = sa_free_any};
static const struct detours hardened = {.alloc = sa_hardened_alloc, .free = sa_hardened_free};
static const struct detours watched = {.alloc = sa_watched_malloc, .free = sa_watched_free};
static const struct detours traced = {.alloc = sa_traced_malloc, .free = sa_traced_free};

/* Stored once, before the library has begun; relaxed: what it leads to was there before the program. */
static _Atomic(const struct detours *) detours = &not_known;

static inline const struct detours *
detours_now(void)
{
  return atomic_load_explicit(&detours, memory_order_relaxed);
}

static void *
alloc_first(size_t size)
{
  sa_begin();
  return detours_now()->alloc(size);
}

static void
free_first(void *block)
{
  sa_begin();
  detours_now()->free(block);
}

void
sa_detours_begin(void)
{
  const struct detours *these = &plain;
  if (sa_hardened)
    these = &hardened;
  else if (sa_watch_is_there())
    these = &watched;
  else if (sa_trace_is_wanted())
    these = &traced;
  atomic_store_explicit(&detours, these, memory_order_relaxed);
}

/* --- the fast paths --------------------------------------------------------------------------- */

/* Whether the hardened mode goes before the fast paths, as it does in a build that is made for it. In
 * others it costs them no instruction. */
static inline bool
is_hardened_first(void)
{
#ifdef SA_HARDENED
  return SA_LIKELY(sa_hardened);
#else
  return false;
#endif
}

SA_IN_FREE_MEMORY SA_FAST_PATH void *
sa_malloc(size_t size)
{
  SA_ALONE(SA_IN_ENGINE, "sa_malloc");
  if (SA_UNLIKELY(size > SA_CLASS_MAX))
    return alloc_large(size);
  if (is_hardened_first())
    return sa_hardened_alloc(size);
  /* One table for all classes: a processor cannot foresee which of two a size would need. */
  struct sa_cache *cache = sa_self;
  struct sa_slab  *slab = cache->current[cache->classes.class_of[sa_granules(size)]];
  void            *block = slab->free;
  /* also when this thread has no cache or no such slab yet: see sa_no_cache */
  if (SA_UNLIKELY(!block))
    return detours_now()->alloc(size);
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
  case SA_LARGE_FREED:
    sa_pointer_misuse("free", slab, block);
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
  struct sa_region *region = sa_region_of(block);
  void             *stand_in = region ? NULL : sa_stand_in(block);
  if (region)
    free_elsewhere(block, &region->slabs[sa_region_unit(region, block)]);
  else if (stand_in)
    sa_free(stand_in);
  else
    sa_misuse("free", block, "stuballoc did not give it out");
}

SA_FAST_PATH void
sa_free(void *block)
{
  if (!sa_block_back(block))
    return;
  if (is_hardened_first()) {
    sa_hardened_free(block);
    return;
  }
  /* One compare for NULL, for every pointer that is not ours, and for the rare other regions. */
  size_t offset = (uintptr_t)block - sa_home_base;
  if (SA_UNLIKELY(offset >= sa_home_size)) {
    detours_now()->free(block);
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
