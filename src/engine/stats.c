/*
 * What there is, counted when it is asked.
 *
 * All is read by sa_os_peek, since most of it is another thread's: the fields of slabs, which their
 * holders change by plain stores, the links in free blocks, units that may be gone the next moment.
 * A copy of those may be half of before and half of after. So nothing in it is believed: where a
 * unit starts and what its blocks' size is follows from its place and its class, a link must lead to
 * a block of the slab, and no list is longer than the slab has blocks. If the thread was at rest,
 * all of it is true.
 */
#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/hardened.h"
#include "os/os.h"
#include "stuballoc/stats.h"

/* The longest slab; and a cache, and a chunk's descriptors, are shorter. */
enum { ROOM = 4 * SA_UNIT };

_Static_assert(sizeof(struct sa_cache) <= ROOM, "it is copied whole");

struct count {
  sa_stats       stats;
  sa_class_stats classes[SA_CLASSES];
  char          *copy; /* ROOM bytes */
  bool           failed;
};

static bool
look(struct count *count, void *to, const void *from, size_t length)
{
  if (sa_os_peek(to, from, length))
    return true;
  if (errno != EFAULT) /* what is gone is gone */
    count->failed = true;
  return false;
}

/* --- slabs ------------------------------------------------------------------------------------ */

/* The bytes of all blocks of a slab. */
static size_t
blocks_length(unsigned cls)
{
  return sa_slab_capacity(cls) * sa_class_size(cls);
}

/* The length of a list of free blocks, whose links are looked for in a copy of the slab. */
static uint32_t
length_of(const void *list, const char *start, unsigned cls, const char *copy)
{
  size_t   size = sa_class_size(cls);
  uint32_t length = 0;
  while (list && length < sa_slab_capacity(cls)) {
    size_t offset = (size_t)((const char *)list - start);
    if (offset % size != 0 || offset / size >= sa_slab_capacity(cls))
      break;
    length++;
    memcpy(&list, copy + offset, sizeof list);
  }
  return length;
}

/* The free blocks of a slab, of which `slab` is a copy of the descriptor. */
static uint32_t
free_blocks(struct count *count, const struct sa_slab *slab, const char *start)
{
  uint64_t anchor = atomic_load_explicit(&slab->anchor, memory_order_relaxed);
  unsigned cls = sa_anchor_what(anchor) - 1;
  uint32_t capacity = sa_slab_capacity(cls);
  uint32_t free = sa_anchor_count(anchor);
  if (anchor & SA_HELD) { /* else the anchor counts all */
    free += slab->carved < capacity ? capacity - slab->carved : 0;
    if (slab->free && look(count, count->copy, start, sa_slab_units(cls) * SA_UNIT))
      free += length_of(slab->free, start, cls, count->copy);
  }
  return free < capacity ? free : capacity;
}

/* What is out of a slab, by its entries; nothing where they are of one that came after it. */
static struct sa_live
live_by_entries(struct count *count, const char *start, unsigned cls)
{
  size_t length = sa_slab_units(cls) * SA_UNIT_ENTRIES * sizeof(uint32_t);
  if (!look(count, count->copy, sa_hardened_entries(start), length))
    return (struct sa_live){0, 0};
  struct sa_live live = sa_hardened_live(count->copy, cls);
  return live.bytes <= blocks_length(cls) ? live : (struct sa_live){0, 0};
}

/* What is out of a slab. */
static struct sa_live
live_in(struct count *count, const struct sa_slab *slab, const char *start)
{
  unsigned cls = sa_slab_class(slab);
  if (sa_hardened)
    return live_by_entries(count, start, cls);
  uint32_t blocks = sa_slab_capacity(cls) - free_blocks(count, slab, start);
  return (struct sa_live){blocks, blocks * sa_class_size(cls)};
}

static void
count_slab(struct count *count, const struct sa_slab *slab, const char *start)
{
  unsigned        cls = sa_slab_class(slab);
  size_t          all = blocks_length(cls);
  struct sa_live  live = live_in(count, slab, start);
  sa_class_stats *of_class = &count->classes[cls];
  of_class->slabs++;
  of_class->live_blocks += live.blocks;
  of_class->live += live.bytes;
  of_class->cached += all - live.bytes;
  count->stats.overhead += sa_slab_units(cls) * SA_UNIT - all;
}

/* --- units ------------------------------------------------------------------------------------ */

static void
count_large(sa_stats *stats, const struct sa_slab *slab)
{
  size_t whole = slab->units * (size_t)SA_UNIT;
  size_t size = sa_large_size(slab);
  size_t length = size < whole ? size : whole; /* it may be just being resized */
  stats->live_blocks++;
  stats->live += length;
  stats->overhead += whole - length;
}

static void
count_lent(struct count *count, const char *start)
{
  if (!look(count, count->copy, start, SA_UNIT - sa_guard_length()))
    return;
  struct sa_lent_count lent = sa_hooks_get()->count(count->copy, start);
  count->stats.live_blocks += lent.blocks;
  count->stats.live += lent.bytes;
  count->stats.overhead += lent.own;
  count->stats.cached += SA_UNIT - lent.own - lent.bytes;
}

/* A unit that is used: the first one of what it belongs to tells of all. */
static void
count_unit(struct count *count, const struct sa_slab *slab, const char *start)
{
  unsigned what = sa_slab_what(slab);
  if (what == SA_LARGE_FREED)
    count->stats.mapped -= slab->units * (size_t)SA_UNIT; /* nobody can touch them */
  else if (what == SA_LARGE || what == SA_LENT_LARGE)
    count_large(&count->stats, slab);
  else if (what == SA_LENT)
    count_lent(count, start);
  else if (what != SA_NOTHING)
    count_slab(count, slab, start);
}

static size_t
units_in(uint64_t bits)
{
  return (size_t)__builtin_popcountll(bits) * SA_UNIT;
}

/* The bytes of descriptors that are committed with a chunk; of the page that two chunks' share, the
 * second's. */
static size_t
descriptors_of(const struct sa_region *region, size_t chunk)
{
  if (!atomic_load_explicit(&region->committed[chunk], memory_order_relaxed))
    return 0;
  size_t length = SA_CHUNK_UNITS * sizeof(struct sa_slab);
  if (sa_hardened)
    length += SA_CHUNK_UNITS * SA_UNIT_ENTRIES * sizeof(uint32_t);
  bool next = chunk + 1 < region->chunks
              && atomic_load_explicit(&region->committed[chunk + 1], memory_order_relaxed);
  return next ? length : length + sa_os_page();
}

static void
count_chunk(struct count *count, const struct sa_region *region, size_t chunk)
{
  struct sa_slab copies[SA_CHUNK_UNITS];
  uint64_t       used = atomic_load_explicit(&region->used[chunk], memory_order_relaxed);
  uint64_t       idle = atomic_load_explicit(&region->dirty[chunk], memory_order_relaxed) & ~used;
  uint64_t       committed = atomic_load_explicit(&region->committed[chunk], memory_order_relaxed);
  size_t         descriptors = descriptors_of(region, chunk);
  count->stats.cached += units_in(idle);
  count->stats.overhead += descriptors;
  count->stats.mapped += units_in(used | idle) + descriptors;
  count->stats.empty += units_in(committed & ~used & ~idle);
  if (used == 0 || !look(count, copies, &region->slabs[chunk * SA_CHUNK_UNITS], sizeof copies))
    return;
  const char *start = (const char *)region->base + chunk * SA_CHUNK;
  for (; used != 0; used &= used - 1) {
    size_t unit = (size_t)__builtin_ctzll(used);
    count_unit(count, &copies[unit], start + unit * SA_UNIT);
  }
}

static void
count_region(struct count *count, const struct sa_region *region)
{
  size_t words = sa_region_words_length(region);
  size_t seen = atomic_load_explicit(&region->chunks_seen, memory_order_relaxed);
  count->stats.reserved += region->size;
  count->stats.overhead += words;
  count->stats.mapped += words;
  for (size_t chunk = 0; chunk < seen; chunk++)
    count_chunk(count, region, chunk);
}

/* --- caches ----------------------------------------------------------------------------------- */

/* Blocks in parcels are free, though their slabs do not know it yet. */
static void
count_parcels(struct count *count, const struct sa_cache *cache)
{
  for (unsigned cls = 0; cls < SA_CLASSES; cls++) {
    const struct sa_parcel *parcel = &cache->parcels[cls];
    sa_class_stats         *of_class = &count->classes[cls];
    size_t                  blocks = parcel->slab ? parcel->count : 0;
    if (blocks > of_class->live_blocks)
      blocks = of_class->live_blocks;
    of_class->live_blocks -= blocks;
    of_class->live -= blocks * sa_class_size(cls);
    of_class->cached += blocks * sa_class_size(cls);
  }
}

static void
count_caches(struct count *count)
{
  struct sa_cache *copy = (struct sa_cache *)count->copy;
  struct sa_cache *cache = sa_caches_first();
  for (; cache; cache = cache->next) {
    count->stats.overhead += sa_cache_length();
    count->stats.mapped += sa_cache_length();
    if (!atomic_load_explicit(&cache->in_use, memory_order_relaxed))
      continue;
    count->stats.caches++;
    if (look(count, copy, cache, sizeof *cache))
      count_parcels(count, copy);
  }
}

/* The free bytes in a slab that a cache holds; `slab` is what the cache's copy says. */
static size_t
free_bytes(struct count *count, const struct sa_slab *slab)
{
  struct sa_slab    copy;
  struct sa_region *region = sa_region_of_slab(slab);
  if (!region || !look(count, &copy, slab, sizeof copy))
    return 0;
  unsigned cls = sa_slab_class(&copy);
  size_t   unit = (size_t)(slab - region->slabs);
  if (cls >= SA_CLASSES)
    return 0;
  struct sa_live live = live_in(count, &copy, (const char *)region->base + unit * SA_UNIT);
  return blocks_length(cls) - live.bytes;
}

/* What is in its rings is free in its slabs, or in others. */
static void
count_cache(struct count *count, const struct sa_cache *cache, struct sa_slab *const *current,
            sa_cache_stats *stats)
{
  for (unsigned cls = 0; cls < SA_CLASSES; cls++) {
    const struct sa_parcel *parcel = &cache->parcels[cls];
    stats->sending += parcel->slab ? parcel->count * sa_class_size(cls) : 0;
    if (!current[cls] || current[cls] == &sa_no_slab)
      continue;
    stats->slabs++;
    stats->cached += free_bytes(count, current[cls]);
  }
  for (unsigned place = 0; place < SA_ADOPTED; place++)
    if (cache->adopted[place]) {
      stats->adopted++;
      stats->cached += free_bytes(count, cache->adopted[place]);
    }
}

/* --- what the header promises ----------------------------------------------------------------- */

static bool
begin(struct count *count)
{
  memset(count, 0, sizeof *count);
  count->copy = sa_os_reserve(ROOM, sa_os_page());
  if (count->copy && sa_os_commit(count->copy, ROOM))
    return true;
  if (count->copy)
    sa_os_release(count->copy, ROOM);
  sa_no_memory();
  return false;
}

/* False: it was in vain. */
static bool
end(struct count *count)
{
  int saved = errno;
  sa_os_release(count->copy, ROOM);
  errno = saved;
  return !count->failed;
}

static bool
count_all(struct count *count)
{
  struct sa_region *region;
  if (!begin(count))
    return false;
  for (unsigned i = 0; (region = sa_region_at(i)); i++)
    count_region(count, region);
  count_caches(count);
  for (unsigned cls = 0; cls < SA_CLASSES; cls++) {
    sa_class_stats *of_class = &count->classes[cls];
    of_class->block_size = sa_class_size(cls);
    count->stats.live_blocks += of_class->live_blocks;
    count->stats.live += of_class->live;
    count->stats.cached += of_class->cached;
  }
  return end(count);
}

int
sa_get_stats(sa_stats *stats)
{
  /* the first version's last member */
  const size_t least = offsetof(sa_stats, caches) + sizeof stats->caches;
  struct count count;
  if (stats->size < least) {
    errno = EINVAL;
    return -1;
  }
  if (!count_all(&count))
    return -1;
  count.stats.size = stats->size < sizeof count.stats ? stats->size : sizeof count.stats;
  count.stats.peak = sa_units_peak();
  count.stats.returned = sa_units_returned();
  count.stats.large_got = sa_large_pages_got();
  count.stats.large_refused = sa_large_pages_refused();
  count.stats.misuses = sa_misuses();
  memcpy(stats, &count.stats, count.stats.size);
  return 0;
}

size_t
sa_get_class_stats(sa_class_stats *to, size_t room)
{
  struct count count;
  size_t       found = 0;
  if (!count_all(&count))
    return 0;
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    if (count.classes[cls].slabs > 0 && found++ < room)
      to[found - 1] = count.classes[cls];
  return found;
}

size_t
sa_get_cache_stats(sa_cache_stats *to, size_t room)
{
  struct count    count;
  struct sa_cache copy; /* count.copy is for slabs */
  struct sa_slab *current[SA_CLASSES];
  size_t          found = 0;
  if (!begin(&count))
    return 0;
  struct sa_cache *cache = sa_caches_first();
  size_t           number = 0; /* counted from the oldest, which is the last */
  for (struct sa_cache *each = cache; each; each = each->next)
    number++;
  for (; cache; cache = cache->next) {
    number--;
    if (!atomic_load_explicit(&cache->in_use, memory_order_relaxed) || found++ >= room)
      continue;
    sa_cache_stats *stats = &to[found - 1];
    memset(stats, 0, sizeof *stats);
    stats->number = number;
    const void *slabs = sa_hardened ? sa_rings_of(cache)->current : cache->current;
    if (look(&count, &copy, cache, sizeof copy) && look(&count, current, slabs, sizeof current))
      count_cache(&count, &copy, current, stats);
  }
  return end(&count) ? found : 0;
}
