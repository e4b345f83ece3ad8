/*
 * The slabs' protocol: who holds a slab, and how blocks come back to it from elsewhere.
 *
 *              new                       filled                    first free
 *   (units) ---------> held, by a cache --------> nobody's, full ------------> held (adopted)
 *      ^                  ^       |                                               |
 *      |            claim |       | given up                             given up |
 *      |                  |       v                                               v
 *      |               nobody's, some free: put, listed once a fair part is free <
 *      |                          |
 *      +--------------------------+  all free: the thread that freed the last gives the units back
 */
#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/watch.h"
#include "os/probe.h"

/* The blocks that must be free before a slab is worth another thread's claim. */
static uint32_t
fair_part(const struct sa_slab *slab)
{
  return slab->capacity < 16 ? 1 : slab->capacity / 16;
}

size_t
sa_slab_units(unsigned cls)
{
  size_t size = sa_class_size(cls);
  return size <= SA_UNIT / 4 ? 1 : size <= SA_UNIT / 2 ? 2 : 4;
}

uint32_t
sa_slab_capacity(unsigned cls)
{
  return (uint32_t)((sa_slab_units(cls) * SA_UNIT - sa_guard_length()) / sa_class_size(cls));
}

/* --- the anchor's word ------------------------------------------------------------------------ */

static uint64_t
anchor_with(const struct sa_slab *slab, uint64_t anchor, const void *list, uint32_t count)
{
  uint64_t nowhere_near = (SA_HELD - 1) | SA_LISTED;
  uint64_t head = list ? (uint64_t)((const char *)list - slab->start) / 8 : SA_NOWHERE;
  return (anchor & ~nowhere_near) | head | count * SA_COUNT_ONE;
}

static void *
anchor_list(const struct sa_slab *slab, uint64_t anchor)
{
  uint64_t head = anchor & SA_NOWHERE;
  return head == SA_NOWHERE ? NULL : slab->start + head * 8;
}

static uint64_t
anchor_load(const struct sa_slab *slab)
{
  return atomic_load_explicit(&slab->anchor, memory_order_relaxed);
}

static bool
anchor_change(struct sa_slab *slab, uint64_t *old, uint64_t new)
{
  return atomic_compare_exchange_weak_explicit(&slab->anchor, old, new, memory_order_acq_rel,
                                               memory_order_relaxed);
}

static void
set_owner(struct sa_slab *slab, void *owner)
{
  atomic_store_explicit(&slab->owner, owner, memory_order_relaxed);
}

/* --- where claimable slabs are ---------------------------------------------------------------- */

/* Slabs of each class that are listed; a hint, so that a search that cannot succeed is not begun.
 * Relaxed. */
static _Atomic size_t listed_count[SA_CLASSES];

static _Atomic uint64_t *
listed_word(const struct sa_slab *slab, unsigned cls, uint64_t *bit)
{
  const struct sa_region *region = sa_region_of_slab(slab);
  size_t                  unit = (size_t)(slab - region->slabs);
  *bit = UINT64_C(1) << unit % SA_CHUNK_UNITS;
  return &region->listed[cls][unit / SA_CHUNK_UNITS];
}

static void
list(const struct sa_slab *slab, unsigned cls)
{
  uint64_t          bit;
  _Atomic uint64_t *word = listed_word(slab, cls, &bit);
  atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
  atomic_fetch_add_explicit(&listed_count[cls], 1, memory_order_relaxed);
}

static void
unlist(const struct sa_slab *slab, unsigned cls)
{
  uint64_t          bit;
  _Atomic uint64_t *word = listed_word(slab, cls, &bit);
  atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
  atomic_fetch_sub_explicit(&listed_count[cls], 1, memory_order_relaxed);
}

static bool
claim(struct sa_slab *slab, unsigned cls)
{
  uint64_t old = anchor_load(slab);
  do {
    if (sa_anchor_what(old) != cls + 1 || !(old & SA_LISTED))
      return false;
  } while (!anchor_change(slab, &old, anchor_with(slab, old, NULL, 0) | SA_HELD));
  unlist(slab, cls);
  SA_PROBE2(slab_claim, slab, slab->size);
  slab->free = anchor_list(slab, old);
  slab->freed = sa_anchor_count(old);
  return true;
}

/* The first in address order, so that the others have a chance to empty. */
static struct sa_slab *
claim_in(struct sa_region *region, unsigned cls)
{
  size_t seen = atomic_load_explicit(&region->chunks_seen, memory_order_relaxed);
  for (size_t chunk = 0; chunk < seen; chunk++) {
    uint64_t bits = atomic_load_explicit(&region->listed[cls][chunk], memory_order_relaxed);
    for (; bits != 0; bits &= bits - 1) {
      size_t unit = chunk * SA_CHUNK_UNITS + (size_t)__builtin_ctzll(bits);
      if (claim(&region->slabs[unit], cls))
        return &region->slabs[unit];
    }
  }
  return NULL;
}

struct sa_slab *
sa_slab_claim(unsigned cls)
{
  struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++) {
    if (atomic_load_explicit(&listed_count[cls], memory_order_relaxed) == 0)
      return NULL;
    struct sa_slab *slab = claim_in(region, cls);
    if (slab)
      return slab;
  }
  return NULL;
}

/* --- the life of a slab ----------------------------------------------------------------------- */

/* Slabs start where a cache's sets do. If all of them gave out their first blocks first, these
 * would push each other out of the processor's cache; so each starts at another line of its first
 * page. */
static uint32_t
first_block(const struct sa_slab *slab)
{
  enum { PAGE = 4096, STEP = 320 };
  uintptr_t unit = (uintptr_t)slab->start >> SA_UNIT_SHIFT;
  uint32_t  first = (uint32_t)(unit * STEP % PAGE) / slab->size;
  return first < slab->capacity ? first : 0;
}

struct sa_slab *
sa_slab_new(unsigned cls)
{
  size_t          units = sa_slab_units(cls);
  struct sa_slab *slab = sa_units_take(units, SA_UNIT, NULL);
  if (!slab)
    return NULL;
  slab->start = sa_units_address(slab);
  slab->size = (uint32_t)sa_class_size(cls);
  slab->capacity = sa_slab_capacity(cls);
  slab->inverse = (((uint64_t)1 << 40) + slab->size - 1) / slab->size;
  slab->units = (uint32_t)units;
  slab->carved = 0;
  slab->first = first_block(slab);
  slab->free = NULL;
  for (uint32_t i = 0; i < units; i++)
    slab[i].lead = i;
  uint64_t anchor = (uint64_t)(cls + 1) << SA_WHAT_SHIFT | SA_HELD | SA_NOWHERE;
  atomic_store_explicit(&slab->anchor, anchor, memory_order_release);
  return slab;
}

void
sa_slab_destroy(struct sa_slab *slab)
{
  for (uint32_t i = 0; i < slab->units; i++)
    slab[i].lead = 0;
  atomic_store_explicit(&slab->anchor, SA_NOTHING, memory_order_release);
  if (sa_hardened)
    sa_hardened_forget(slab, slab->units);
  sa_units_give(slab, slab->units);
}

static uint32_t
least(uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

/* A page of blocks at a time, so that memory is touched when it is needed. */
SA_IN_FREE_MEMORY void *
sa_slab_carve(struct sa_slab *slab)
{
  enum { PAGE = 4096 };
  uint32_t next = (slab->first + slab->carved) % slab->capacity;
  uint32_t in_page = slab->size < PAGE ? PAGE / slab->size : 1;
  uint32_t in_row = least(slab->capacity - next, slab->capacity - slab->carved);
  uint32_t count = least(in_page, in_row);
  if (count == 0)
    return NULL;
  char *first = slab->start + (size_t)next * slab->size;
  char *block = first;
  for (uint32_t i = 1; i < count; i++, block += slab->size)
    *(void **)block = block + slab->size;
  *(void **)block = NULL;
  slab->carved += count;
  return first;
}

/* Blocks that another thread freed lie in its processor's cache, and a list of them would be
 * fetched one after the other; this fetches them side by side. */
static void
fetch_blocks(const struct sa_slab *slab, uint32_t count)
{
  enum { WORTHWHILE = 8 };
  if (count < WORTHWHILE || count < slab->capacity / 2)
    return;
  const char *end = slab->start + (size_t)slab->capacity * slab->size;
  for (const char *block = slab->start; block < end; block += slab->size)
    __builtin_prefetch(block, 1);
}

void *
sa_slab_collect(struct sa_slab *slab)
{
  uint64_t old = anchor_load(slab);
  do {
    if (sa_anchor_count(old) == 0)
      return NULL;
  } while (!anchor_change(slab, &old, anchor_with(slab, old, NULL, 0)));
  slab->freed = sa_anchor_count(old);
  if (!sa_hardened)
    fetch_blocks(slab, slab->freed);
  return anchor_list(slab, old);
}

bool
sa_slab_leave_full(struct sa_slab *slab)
{
  uint64_t old = anchor_load(slab);
  if (sa_anchor_count(old) != 0)
    return false;
  void *owner = atomic_load_explicit(&slab->owner, memory_order_relaxed);
  set_owner(slab, NULL); /* before another may hold it and be its owner */
  while (!anchor_change(slab, &old, old & ~SA_HELD))
    if (sa_anchor_count(old) != 0) {
      set_owner(slab, owner);
      return false;
    }
  return true;
}

bool
sa_slab_adopt(struct sa_slab *slab)
{
  uint64_t old = anchor_load(slab);
  do {
    if ((old & SA_HELD) || sa_anchor_count(old) != 0)
      return false;
  } while (!anchor_change(slab, &old, old | SA_HELD));
  SA_PROBE2(slab_adopt, slab, slab->size);
  slab->free = NULL;
  slab->freed = 0;
  return true;
}

/*
 * Replaces the list of a slab that nobody will hold then, and does what its count calls for: the
 * one who brings it to all blocks holds it, to give it back; the one who brings it to a fair part
 * lists it. False: the anchor has changed, `old` is what it is now. Until it succeeds the caller
 * keeps the slab alive, by holding it or a block of it; afterwards it may be another's any time.
 */
static bool
settle(struct sa_slab *slab, uint64_t *old, void *blocks, uint32_t count)
{
  unsigned cls = sa_anchor_what(*old) - 1;
  bool     all = count == slab->capacity;
  bool     fair = count >= fair_part(slab);
  uint64_t new = anchor_with(slab, *old, blocks, count) & ~SA_HELD;
  if (!anchor_change(slab, old, new | (all ? SA_HELD : fair ? SA_LISTED : 0)))
    return false;
  bool was_listed = *old & SA_LISTED;
  if (all) {
    if (was_listed)
      unlist(slab, cls);
    sa_slab_destroy(slab);
  } else if (fair && !was_listed) {
    list(slab, cls);
  }
  return true;
}

SA_IN_FREE_MEMORY void
sa_slab_put(const struct sa_parcel *parcel)
{
  struct sa_slab *slab = parcel->slab;
  uint64_t        old = anchor_load(slab);
  bool            done;
  do {
    uint32_t count = sa_anchor_count(old) + parcel->count;
    if (count > slab->capacity)
      sa_misuse_fatal("free", parcel->first, "it or one freed lately was freed twice");
    if (parcel->last)
      *(void **)parcel->last = anchor_list(slab, old);
    done = old & SA_HELD ? anchor_change(slab, &old, anchor_with(slab, old, parcel->first, count))
                         : settle(slab, &old, parcel->first, count);
  } while (!done);
}

SA_IN_FREE_MEMORY void
sa_slab_give_up(struct sa_slab *slab)
{
  set_owner(slab, NULL);
  uint32_t ours = slab->freed + slab->capacity - slab->carved;
  void    *first = slab->free;
  void    *last = slab->last;
  uint64_t old = anchor_load(slab);
  void    *blocks;
  do {
    blocks = anchor_list(slab, old);
    if (first) {
      *(void **)last = blocks;
      blocks = first;
    }
  } while (!settle(slab, &old, blocks, ours + sa_anchor_count(old)));
}
